/**
 * A simulated GitHub, for tests and for `npm start` without the real one: REST, scale set service, broker and run
 * service, artifacts, on one port of real HTTP. core/ is what it knows and decides, routes/ is how it is asked.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { Control } from "./control.ts";
import { appOf } from "./core/apps.ts";
import { createSim, type Sim } from "./core/sim.ts";
import { resolveOptions, type GitHubOptions } from "./options.ts";
import { agentHandlers } from "./routes/agents.ts";
import { appHandlers } from "./routes/app.ts";
import { appPageHandlers } from "./routes/app-pages.ts";
import { artifactHandlers } from "./routes/artifacts.ts";
import { brokerHandlers } from "./routes/broker.ts";
import { mountControl } from "./routes/control.ts";
import { mount, type Calls, type Env, type Handlers } from "./routes/http.ts";
import { groupHandlers } from "./routes/groups.ts";
import { messageHandlers } from "./routes/messages.ts";
import { registrationHandlers } from "./routes/registration.ts";
import { runServiceHandlers } from "./routes/run-service.ts";
import { runnerHandlers } from "./routes/runners.ts";
import { runHandlers } from "./routes/runs.ts";
import { deploymentHandlers } from "./routes/deployments.ts";
import { scaleSetHandlers } from "./routes/scale-sets.ts";

const handlers: Handlers = {
  ...appHandlers,
  ...appPageHandlers,
  ...registrationHandlers,
  ...runnerHandlers,
  ...groupHandlers,
  ...runHandlers,
  ...deploymentHandlers,
  ...scaleSetHandlers,
  ...messageHandlers,
  ...agentHandlers,
  ...brokerHandlers,
  ...runServiceHandlers,
  ...artifactHandlers,
};

export interface GitHubSimulator {
  /** `http://127.0.0.1:4000` */
  url: string;
  /** `{url}/api/v3` */
  apiUrl: string;
  /** Config URL of the first repository. */
  repositoryUrl: string;
  /** Config URL of the first repository's organisation. */
  organizationUrl: string;
  /** A personal access token that may do everything: the first of the options' or one made up. */
  token: string;
  control: Control;
  /** Requests under way, and when the last one began or ended, on the clock. */
  activity: { open: number; lastMs: number };
  /** Closes every connection, ends every timer. */
  stop(): Promise<void>;
}

/** Listens before it resolves. Rejects when the port is taken. */
export async function startGitHub(options: GitHubOptions = {}): Promise<GitHubSimulator> {
  const sim = createSim(resolveOptions(options));
  const { repositories, host, port } = sim.options;
  sim.state.groups = sim.options.groups.map((group) => ({ ...group }));
  sim.state.apps = sim.options.apps.map(appOf);
  sim.state.repositories = repositories.map((repository, index) => ({
    private: true,
    archived: false,
    workspaceSource: null,
    ...repository,
    id: 1000 + index,
    // Long ago: nothing was pushed there lately.
    createdMs: sim.clock.now() - 30 * 86_400_000,
  }));
  const token = admitTokens(sim);
  const calls: Calls = new Map();
  const control = new Control(sim, calls);
  const app = new Hono<Env>();
  mount(app, sim, calls, handlers);
  mountControl(app, control);
  app.notFound((c) =>
    c.json({ message: "Not Found", documentation_url: "https://docs.github.com/rest" }, 404),
  );
  const activity = { open: 0, lastMs: sim.clock.now() };
  const server = serve(app, sim, activity);
  await listen(server, port, host);
  sim.origin = `http://${host}:${(server.address() as AddressInfo).port}`;
  const { owner, name } = sim.state.repositories[0]!;
  return {
    url: sim.origin,
    apiUrl: `${sim.origin}/api/v3`,
    repositoryUrl: `${sim.origin}/${owner}/${name}`,
    organizationUrl: `${sim.origin}/${owner}`,
    token,
    control,
    activity,
    stop: () => stop(server, sim),
  };
}

function admitTokens(sim: Sim): string {
  const { tokens } = sim.options;
  if (tokens.length === 0) return sim.tokens.issue("pat", { permissions: "all" }, Infinity).value;
  for (const { token, permissions = "all", ...shown } of tokens) {
    sim.tokens.admit("pat", token, { permissions, ...shown }, shown.expiresMs);
    sim.tokens.remember("pat", token, token);
  }
  return tokens[0]!.token;
}

function serve(app: Hono<Env>, sim: Sim, activity: GitHubSimulator["activity"]): Server {
  // The process's own Request and Response stay as they are: tests run their clients in it.
  const listener = getRequestListener(app.fetch as Parameters<typeof getRequestListener>[0], {
    overrideGlobalObjects: false,
  });
  const server = createServer((incoming, outgoing) => {
    activity.open += 1;
    activity.lastMs = sim.clock.now();
    outgoing.on("close", () => {
      activity.open -= 1;
      activity.lastMs = sim.clock.now();
    });
    void listener(incoming, outgoing);
  });
  // Polls are held longer than some defaults allow, and a client may keep a connection between two.
  server.keepAliveTimeout = 75_000;
  return server;
}

const listen = (server: Server, port: number, host: string) =>
  new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => resolve());
  });

async function stop(server: Server, sim: Sim): Promise<void> {
  sim.stopTimers();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
  await sim.archive.dispose();
}
