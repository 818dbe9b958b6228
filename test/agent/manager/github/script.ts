/**
 * A GitHub for one test: every call has a plain right answer, and a test puts others in front of it. It knows nothing
 * of jobs; test/github is the simulator that does.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

export interface Asked {
  route: Route;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: unknown;
}
export interface Reply {
  status?: number;
  json?: unknown;
  text?: string;
  headers?: Record<string, string>;
}
/** hang: never answered. reset: the connection is cut. plain: the right answer. */
export type Answer = Reply | "hang" | "reset" | "plain";
type Step = Answer | ((asked: Asked) => Answer);

const prefix = "/some/prefix";
const routes = {
  "installation-token": /^POST \/api\/v3\/app\/installations\/\d+\/access_tokens$/,
  "registration-token": /^POST \/api\/v3\/.*\/registration-token$/,
  register: /^POST \/api\/v3\/actions\/runner-registration$/,
  repository: /^GET \/api\/v3\/repos\/[^/]+\/[^/]+$/,
  repositories: /^GET \/api\/v3\/orgs\/[^/]+\/repos$/,
  "runner-groups": /^GET \/api\/v3\/.*\/actions\/runner-groups$/,
  runners: /^GET \/api\/v3\/.*\/actions\/runners$/,
  downloads: /^GET \/api\/v3\/.*\/downloads$/,
  "sets.list": /^GET .*\/runnerscalesets$/,
  "sets.create": /^POST .*\/runnerscalesets$/,
  "sets.get": /^GET .*\/runnerscalesets\/\d+$/,
  "sets.delete": /^DELETE .*\/runnerscalesets\/\d+$/,
  groups: /^GET .*\/runnergroups\/$/,
  "session.create": /^POST .*\/sessions$/,
  "session.refresh": /^PATCH .*\/sessions\/[^/]+$/,
  "session.delete": /^DELETE .*\/sessions\/[^/]+$/,
  poll: /^GET \/queue\/message$/,
  acknowledge: /^DELETE \/queue\/message\/\d+$/,
  acquire: /^POST .*\/acquirejobs$/,
  acquirable: /^GET .*\/acquirablejobs$/,
  jit: /^POST .*\/generatejitconfig$/,
  "agents.list": /^GET .*\/pools\/0\/agents$/,
  "agents.delete": /^DELETE .*\/pools\/0\/agents\/\d+$/,
} as const;
export type Route = keyof typeof routes;

export const figures = (over: Record<string, number> = {}) => ({
  totalAvailableJobs: 0,
  totalAcquiredJobs: 0,
  totalAssignedJobs: 0,
  totalRunningJobs: 0,
  totalRegisteredRunners: 0,
  totalBusyRunners: 0,
  totalIdleRunners: 0,
  ...over,
});

export const message = (messageId: number, entries: unknown[], statistics: unknown = figures()) => ({
  messageId,
  messageType: "RunnerScaleSetJobMessages",
  statistics,
  body: JSON.stringify(entries),
});
export const assigned = (jobId: string, over: Record<string, unknown> = {}) => ({
  messageType: "JobAssigned",
  runnerRequestId: 0,
  ownerName: "acme",
  repositoryName: "widgets",
  jobId,
  jobDisplayName: `job ${jobId}`,
  jobWorkflowRef: "acme/widgets/.github/workflows/check.yml@refs/heads/main",
  workflowRunId: 77,
  eventName: "push",
  requestLabels: ["linux"],
  queueTime: "2027-01-15T08:00:00Z",
  scaleSetAssignTime: "2027-01-15T08:00:01Z",
  ...over,
});

const jwt = (expMs: number, mark: string) =>
  `eyJhbGciOiJub25lIn0.${Buffer.from(JSON.stringify({ exp: Math.floor(expMs / 1000), mark })).toString("base64url")}.sig${mark}`;

export class ScriptedGitHub {
  readonly asked: Asked[] = [];
  readonly sets = new Map<number, { id: number; name: string; labels: string[]; runnerGroupId: number }>();
  groups = [{ id: 1, name: "Default" }];
  agents: { id: number; name: string; runnerScaleSetId: number }[] = [];
  messages: { messageId: number }[] = [];
  statistics: unknown = figures();
  /** Life of an admin token; its `exp` is on the clock that the test gave. */
  adminLifeMs = 1_000_000;
  now: () => number = () => Date.now();
  url = "";
  readonly #steps = new Map<Route, Step[]>();
  readonly #always = new Map<Route, Step>();
  #waiting: (() => void)[] = [];
  #serial = 0;

  /** The next calls of the route get these, in this order; afterwards the plain answer. */
  next(route: Route, ...steps: Step[]): this {
    this.#steps.set(route, [...(this.#steps.get(route) ?? []), ...steps]);
    return this;
  }
  always(route: Route, step: Step): this {
    this.#always.set(route, step);
    return this;
  }
  calls(route: Route): Asked[] {
    return this.asked.filter((asked) => asked.route === route);
  }
  /** Puts a message into the queue. */
  push(sent: { messageId: number }): void {
    this.messages.push(sent);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async listen(): Promise<this> {
    const server = createServer((request, response) => void this.#serve(request, response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return this;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", this.url);
    const line = `${request.method} ${url.pathname}`;
    const route = (Object.keys(routes) as Route[]).find((name) => routes[name].test(line));
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (!route) return void response.writeHead(501).end(`no route for ${line}`);
    const text = Buffer.concat(chunks).toString();
    const asked: Asked = {
      route,
      path: url.pathname,
      query: Object.fromEntries(url.searchParams),
      headers: request.headers as Record<string, string>,
      body: text === "" ? null : (JSON.parse(text) as unknown),
    };
    this.asked.push(asked);
    const step = this.#steps.get(route)?.shift() ?? this.#always.get(route) ?? "plain";
    const answer = typeof step === "function" ? step(asked) : step;
    if (answer === "hang") return;
    if (answer === "reset") return void request.socket.destroy();
    if (answer !== "plain") return reply(response, answer);
    if (route === "poll") return this.#hold(asked, request, response);
    reply(response, this.#plain(asked));
  }

  /** The first message above the cursor, or held until one comes or the client goes. */
  #hold(asked: Asked, request: IncomingMessage, response: ServerResponse): void {
    const after = Number(asked.query["lastMessageId"] ?? 0);
    const found = this.messages.find(({ messageId }) => messageId > after);
    if (found) return reply(response, { json: found });
    if (request.socket.destroyed) return;
    this.#waiting.push(() => this.#hold(asked, request, response));
  }

  #plain({ route, path, query, body }: Asked): Reply {
    const id = Number(path.split("/").at(-1));
    const mark = String((this.#serial += 1));
    switch (route) {
      case "installation-token": {
        const token = `ghs_installation${mark}`;
        return {
          status: 201,
          json: { token, expires_at: new Date(Date.now() + 3_600_000).toISOString(), permissions: {} },
        };
      }
      case "registration-token":
        return { status: 201, json: { token: `AREG${mark}`, expires_at: "2030-01-01T00:00:00Z" } };
      case "register":
        return { json: { url: `${this.url}${prefix}/`, token: jwt(this.now() + this.adminLifeMs, mark) } };
      case "downloads":
        return { json: downloads("2.336.0") };
      case "sets.list": {
        const all = [...this.sets.values()].filter(
          ({ name }) => query["name"] === undefined || name === query["name"],
        );
        return { json: { count: all.length, value: all.map((set) => this.#set(set)) } };
      }
      case "sets.create": {
        const wanted = body as { name: string; runnerGroupId: number; labels: { name: string }[] };
        if ([...this.sets.values()].some(({ name }) => name === wanted.name))
          return refusal(400, "RunnerScaleSetExistsException");
        const set = {
          id: this.sets.size + 1,
          name: wanted.name,
          labels: wanted.labels.map(({ name }) => name),
          runnerGroupId: wanted.runnerGroupId,
        };
        this.sets.set(set.id, set);
        return { json: this.#set(set) };
      }
      case "sets.get": {
        const set = this.sets.get(id);
        return set ? { json: this.#set(set) } : refusal(404, "RunnerScaleSetNotFoundException");
      }
      case "sets.delete":
        this.sets.delete(id);
        return { status: 204 };
      case "repository":
        return { json: { full_name: "acme/widgets", private: true, visibility: "private" } };
      case "repositories":
        return { json: [] };
      case "runner-groups": {
        const known = this.groups.map((group) => ({ ...group, visibility: "all" }));
        return {
          json: { runner_groups: known.map((group) => ({ ...group, allows_public_repositories: false })) },
        };
      }
      case "runners":
        return { json: { total_count: 0, runners: [] } };
      case "groups": {
        const found = this.groups.filter(
          ({ name }) => query["groupName"] === undefined || name === query["groupName"],
        );
        return { json: { count: found.length, value: found } };
      }
      case "session.create":
      case "session.refresh":
        return {
          json: this.session(route === "session.create" ? `session${mark}` : path.split("/").at(-1)!, mark),
        };
      case "acknowledge":
        this.messages = this.messages.filter(({ messageId }) => messageId !== id);
        return { status: 204 };
      case "acquire":
        return { json: { count: 0, value: body } };
      case "acquirable":
        return { status: 204 };
      case "jit": {
        const { name } = body as { name: string };
        const set = Number(path.split("/").at(-2));
        if (this.agents.some((agent) => agent.name === name)) return refusal(409, "AgentExistsException");
        const runner = { id: 1000 + this.#serial, name, runnerScaleSetId: set };
        this.agents.push(runner);
        return { json: { runner, encodedJITConfig: `jit-of-${name}` } };
      }
      case "agents.list": {
        const found = this.agents.filter(
          ({ name }) => query["agentName"] === undefined || name === query["agentName"],
        );
        return { json: { count: found.length, value: found } };
      }
      case "agents.delete": {
        const known = this.agents.some((agent) => agent.id === id);
        this.agents = this.agents.filter((agent) => agent.id !== id);
        return known ? { status: 204 } : refusal(404, "AgentNotFoundException");
      }
      case "session.delete":
        return { status: 204 };
      case "poll":
        return { status: 202 };
    }
  }

  session(sessionId: string, mark: string) {
    return {
      sessionId,
      ownerName: "test",
      messageQueueUrl: `${this.url}/queue/message?sessionId=${sessionId}&keep=me`,
      messageQueueAccessToken: `queuetoken${mark}`,
      statistics: this.statistics,
    };
  }
  #set(set: { id: number; name: string; labels: string[]; runnerGroupId: number }) {
    return {
      ...set,
      labels: set.labels.map((name) => ({ name, type: "System" })),
      statistics: this.statistics,
    };
  }
}

export const refusal = (status: number, type: string, said = "simulated"): Reply => ({
  status,
  json: {
    typeName: `GitHub.DistributedTask.WebApi.${type}, GitHub.DistributedTask.WebApi`,
    typeKey: type,
    message: said,
  },
});

export const downloads = (version: string) =>
  ["x64", "arm64"].map((architecture) => ({
    os: "linux",
    architecture,
    filename: `actions-runner-linux-${architecture}-${version}.tar.gz`,
    download_url: `https://github.com/actions/runner/releases/download/v${version}/actions-runner-linux-${architecture}-${version}.tar.gz`,
    sha256_checksum: (architecture === "x64" ? "a" : "b").repeat(64),
  }));

function reply(response: ServerResponse, { status = 200, json, text, headers = {} }: Reply): void {
  const body = text ?? (json === undefined ? undefined : JSON.stringify(json));
  response.writeHead(status, {
    ...(json !== undefined && { "content-type": "application/json; charset=utf-8" }),
    ...headers,
  });
  response.end(body);
}
