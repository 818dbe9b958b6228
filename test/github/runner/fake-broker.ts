/** A broker and run service for one runner, small enough for a test to see and bend every answer. */
import { generateKeyPairSync, randomUUID, verify, type KeyObject } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { BrokerMessage, JobMessage, JobResult, StepMessage } from "../wire.ts";

export interface Seen {
  method: string;
  path: string;
  query: URLSearchParams;
  body: string;
}
export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export const answers = {
  notFound: {
    status: 404,
    body: {
      source: "actions-broker-listener",
      errorKind: "RunnerNotFound",
      errorMessage: "Runner not found",
    },
  },
  conflict: { status: 409, body: { errorMessage: "Another session is open." } },
  tooOld: {
    status: 403,
    body: {
      errorKind: "RunnerVersionTooOld",
      errorMessage: "Runner version v2.336.0 is deprecated and cannot receive messages.",
    },
  },
} satisfies Record<string, Answer>;

const keys = generateKeyPairSync("rsa", { modulusLength: 1024 });

function rsaParameters(key: KeyObject) {
  const jwk = key.export({ format: "jwk" });
  const base64 = (value: string | undefined) => Buffer.from(value ?? "", "base64url").toString("base64");
  const { d, dp, dq, e, qi, n, p, q } = jwk;
  const named = { d, dp, dq, exponent: e, inverseQ: qi, modulus: n, p, q };
  return Object.fromEntries(Object.entries(named).map(([name, value]) => [name, base64(value)]));
}

/** A `run:` step. */
export const runStepMessage = (script: string, more: Partial<StepMessage> = {}): StepMessage => ({
  id: `__run_${script.length}`,
  name: null,
  condition: "success()",
  env: {},
  continueOnError: false,
  timeoutMinutes: null,
  action: { kind: "run", script, shell: null, workingDirectory: null },
  ...more,
});

/** A job of one step, or of those in `more`. */
export const jobMessage = (more: Partial<JobMessage> = {}, script = "true"): JobMessage => ({
  planId: randomUUID(),
  jobId: randomUUID(),
  jobDisplayName: "build",
  contexts: { github: { repository: "acme/widgets" } },
  env: {},
  defaults: { shell: null, workingDirectory: null },
  steps: [runStepMessage(script)],
  outputs: {},
  timeoutMinutes: 5,
  mask: [],
  system: {
    resultsUrl: "http://127.0.0.1:9/",
    runtimeToken: "runtime-token",
    runtimeUrl: "http://127.0.0.1:9/",
  },
  ...more,
});

export class FakeBroker {
  readonly seen: Seen[] = [];
  readonly results: JobResult[] = [];
  log = "";
  /** Messages that the next polls get. */
  private readonly messages: BrokerMessage[] = [];
  private readonly jobs = new Map<string, JobMessage>();
  private readonly bent = new Map<string, (Answer | "hang")[]>();
  private readonly waiting = new Set<() => void>();
  private readonly server = createServer((request, response) => void this.handle(request, response));
  private readonly clientId = randomUUID();
  private messageId = 1;
  url = "";

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
    return this;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  jitConfig(settings: Record<string, unknown> = {}): string {
    const files = {
      ".runner": {
        AgentId: 7,
        AgentName: "runner-7",
        PoolName: "Default",
        Ephemeral: true,
        DisableUpdate: true,
        GitHubUrl: `${this.url}acme`,
        ServerUrlV2: `${this.url}broker/`,
        WorkFolder: "_work",
        ...settings,
      },
      ".credentials": {
        Scheme: "OAuth",
        Data: { clientId: this.clientId, authorizationUrl: `${this.url}token` },
      },
      ".credentials_rsaparams": rsaParameters(keys.privateKey),
    };
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64");
    return encode(
      Object.fromEntries(Object.entries(files).map(([name, content]) => [name, encode(content)])),
    );
  }

  /** The next calls of this path are answered so, in order, before the usual answers come again. */
  bend(path: string, ...with_: (Answer | "hang")[]): void {
    this.bent.set(path, [...(this.bent.get(path) ?? []), ...with_]);
    this.wake();
  }

  offer(job: JobMessage): void {
    const id = randomUUID();
    this.jobs.set(id, job);
    const body = { runner_request_id: id, run_service_url: `${this.url}run/`, billing_owner_id: "1" };
    this.send({ messageId: this.messageId++, messageType: "RunnerJobRequest", body: JSON.stringify(body) });
  }

  cancel(jobId: string, timeout = "00:05:00"): void {
    const body = JSON.stringify({ jobId, timeout });
    this.send({ messageId: this.messageId++, messageType: "JobCancellation", body });
  }

  count(method: string, path: string): number {
    return this.seen.filter((one) => one.method === method && one.path === path).length;
  }

  private send(message: BrokerMessage): void {
    this.messages.push(message);
    this.wake();
  }

  private wake(): void {
    for (const resume of [...this.waiting]) resume();
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? "/", this.url);
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const seen = { method: request.method ?? "", path: pathname, query: searchParams, body };
    this.seen.push(seen);
    const answer = await this.answer(seen, request);
    if (answer === "hang" || response.destroyed) return;
    response.writeHead(answer.status, { "content-type": "application/json", ...answer.headers });
    response.end(answer.body === undefined ? "" : JSON.stringify(answer.body));
  }

  private async answer(seen: Seen, request: IncomingMessage): Promise<Answer | "hang"> {
    const bent = this.bent.get(seen.path)?.shift();
    if (bent) return bent;
    if (seen.path === "/token") return this.token(seen.body);
    if (request.headers.authorization !== "Bearer access-token") return { status: 401 };
    const service = seen.path.startsWith("/run/");
    return service ? this.runService(seen) : this.broker(seen, request);
  }

  private token(body: string): Answer {
    const assertion = new URLSearchParams(body).get("client_assertion") ?? "";
    const [header = "", claims = "", signature = ""] = assertion.split(".");
    const signed = Buffer.from(`${header}.${claims}`);
    const good = verify("sha256", signed, keys.publicKey, Buffer.from(signature, "base64url"));
    const { sub, iss } = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, string>;
    if (!good || sub !== this.clientId || iss !== sub)
      return { status: 400, body: { error: "invalid_client" } };
    return { status: 200, body: { access_token: "access-token", expires_in: 3600, token_type: "Bearer" } };
  }

  private async broker(seen: Seen, request: IncomingMessage): Promise<Answer | "hang"> {
    if (seen.path === "/broker/session" && seen.method === "POST")
      return { status: 200, body: { sessionId: "s-1" } };
    if (seen.path === "/broker/session") return { status: 204 };
    if (seen.path === "/broker/acknowledge") return { status: 200, body: {} };
    if (seen.path !== "/broker/message") return { status: 404 };
    let gone = false;
    request.socket.on("close", () => {
      gone = true;
      this.wake();
    });
    for (;;) {
      if (gone) return "hang";
      const bent = this.bent.get(seen.path)?.shift();
      if (bent) return bent;
      const message = this.messages.shift();
      if (message) return { status: 200, body: message };
      await new Promise<void>((resolve) => {
        const resume = () => {
          this.waiting.delete(resume);
          resolve();
        };
        this.waiting.add(resume);
      });
    }
  }

  private runService({ path, body }: Seen): Answer {
    if (path === "/run/log") {
      this.log += body;
      return { status: 204 };
    }
    const json = JSON.parse(body) as Record<string, string>;
    if (path === "/run/acquirejob") {
      const job = this.jobs.get(json["jobMessageId"] ?? "");
      return job ? { status: 200, body: job } : { status: 404 };
    }
    if (path === "/run/renewjob") return { status: 200, body: { lockedUntil: "2026-01-01T00:10:00Z" } };
    if (path !== "/run/completejob") return { status: 404 };
    this.results.push(json as unknown as JobResult);
    return { status: 200, body: {} };
  }
}

/** Looks every few milliseconds; fails after `ms` with what it waited for. */
export async function until(what: string, condition: () => boolean, ms = 15_000): Promise<void> {
  const end = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`Waited ${ms} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Not gone, and no zombie that waits for its parent. */
export function isAlive(pid: string | number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
