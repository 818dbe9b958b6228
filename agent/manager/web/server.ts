/**
 * The manager's TCP side, on 127.0.0.1 only: things to read and, where that is wanted, the two calls for agents (those of
 * this computer have agents-socket.ts). Whatever changes the manager goes through the control socket (control.ts).
 */
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Deps } from "../deps.ts";
import type { ManagerState } from "../view.ts";
import { agentCalls, agentRoutes, type AgentHandlers } from "./agents.ts";
import { liveEvents } from "./events.ts";
import { guard } from "./guard.ts";
import { closed, type Env } from "./http.ts";
import { defaultWebLimits, type WebLimits } from "./limits.ts";
import { capPerAddress } from "./per-address.ts";
import { pageRoutes } from "./page/page.ts";

export type { AgentHandlers } from "./agents.ts";

/** Body of GET /healthz. */
export interface Health {
  ok: boolean;
  configHash: string;
  /** SHA-256 of the manager's own bundle. */
  managerBundle: string;
  pid: number;
  startedMs: number;
  /** A sentence when not ok. */
  problem: string | null;
}

export interface WebHandlers {
  agents: AgentHandlers;
  health(): Health;
  state(): ManagerState;
  /** Prometheus text. */
  metrics(): Promise<string>;
  /** The runner agent's bundle with this digest (64 hex characters); null when it is not one of ours. */
  runnerBundle(sha256: string): Promise<Uint8Array<ArrayBuffer> | null>;
}

export interface WebOptions {
  /** 0 for any. */
  port: number;
  handlers: WebHandlers;
  /** Whether agents' calls are served here too; default `none`. */
  agents?: "tcp" | "none";
  limits?: Partial<WebLimits>;
}

export interface WebServer {
  port: number;
  /** Tells listeners of /events that the state is another; costs nothing while there are none. */
  changed(): void;
  /** Ends listeners at once, lets answers under way finish for closeMs. Agents' held syncs are the core's to end. */
  close(): Promise<void>;
}

/**
 * Listens on 127.0.0.1.
 * @throws when the port is taken, naming it.
 */
export async function serveWeb(options: WebOptions, deps: Deps): Promise<WebServer> {
  const { handlers, agents = "none" } = options;
  const limits = { ...defaultWebLimits, ...options.limits };
  const events = liveEvents(handlers, limits, deps);
  const app = new Hono<Env>();
  let port = options.port;

  app.use(guard(() => port, agents === "tcp" ? agentCalls : new Set()));
  app.get("/healthz", (c) => {
    const health = handlers.health();
    return c.json(health, health.ok ? 200 : 503);
  });
  app.get("/metrics", async (c) =>
    c.body(await handlers.metrics(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
  app.get("/api/state", (c) => c.json(handlers.state()));
  app.get("/events", (c) => events.listen(c));
  app.get("/bundle/:file{runner-[0-9a-f]{64}\\.mjs}", async (c) => {
    const bytes = await handlers.runnerBundle(c.req.param("file").slice("runner-".length, -".mjs".length));
    return bytes ? c.body(bytes, 200, { "content-type": "text/javascript; charset=utf-8" }) : c.notFound();
  });
  if (agents === "tcp") app.route("/", agentRoutes(handlers.agents, limits, deps));
  app.route("/", pageRoutes(handlers));
  app.notFound((c) => c.json({ error: "not-found", message: `There is no ${c.req.path} here.` }, 404));
  app.onError((error, c) => {
    deps.log.error({ err: error, path: c.req.path }, "web: a request failed");
    return c.json({ error: "internal", message: "The manager's log says what went wrong." }, 500);
  });

  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: {
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkingMs,
    },
  }) as Server;
  server.maxConnections = limits.connectionsMax;
  capPerAddress(server, limits.connectionsPerAddressMax);
  port = await listening(server, options.port);
  return {
    port,
    changed: events.changed,
    close: async () => {
      events.close();
      await closed(server, limits.closeMs, deps);
    },
  };
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE" || error.code === "EACCES";
      const cure = taken ? `; set muster:manager.port to another one or stop what uses it` : "";
      reject(new Error(`cannot listen on 127.0.0.1:${port}: ${error.message}${cure}`, { cause: error }));
    });
    server.listen(port, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}
