/** A runner without steps: enough of wire.ts to register, take a job, and end it as the test says. */
import { createPrivateKey, randomUUID, sign, type JsonWebKey } from "node:crypto";
import type { BrokerMessage, Conclusion, JobMessage, RunnerJobRequest } from "../wire.ts";

type Files = Record<string, Record<string, unknown>>;

/** The files of a JIT config, parsed. */
export function readJitConfig(config: string): Files {
  const files = JSON.parse(Buffer.from(config, "base64").toString()) as Record<string, string>;
  const parsed = Object.entries(files).map(([name, content]) => [
    name,
    JSON.parse(Buffer.from(content, "base64").toString()) as Record<string, unknown>,
  ]);
  return Object.fromEntries(parsed) as Files;
}

const base64url = (value: unknown) => Buffer.from(String(value), "base64").toString("base64url");

function privateKey(rsa: Record<string, unknown>) {
  const { d, dp, dq, exponent, inverseQ, modulus, p, q } = rsa;
  const [n, e, qi] = [modulus, exponent, inverseQ].map(base64url);
  const jwk = {
    kty: "RSA",
    n,
    e,
    qi,
    d: base64url(d),
    dp: base64url(dp),
    dq: base64url(dq),
    p: base64url(p),
    q: base64url(q),
  };
  return createPrivateKey({ key: jwk as JsonWebKey, format: "jwk" });
}

export class ScriptedRunner {
  readonly files: Files;
  #token = "";
  #session = "";
  #now: () => number;

  /** `now` in milliseconds: the simulator's clock. */
  constructor(config: string, now: () => number = () => Date.now()) {
    this.files = readJitConfig(config);
    this.#now = now;
  }

  /** The client assertion that the key of the config signs; `claims` override. */
  assertion(claims: Record<string, unknown> = {}): string {
    const { clientId, authorizationUrl } = this.files[".credentials"]!["Data"] as Record<string, string>;
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const now = Math.floor(this.#now() / 1000);
    const own = {
      sub: clientId,
      iss: clientId,
      aud: authorizationUrl,
      jti: randomUUID(),
      nbf: now,
      exp: now + 300,
    };
    const head = `${encode({ alg: "RS256", typ: "JWT" })}.${encode({ ...own, ...claims })}`;
    const key = privateKey(this.files[".credentials_rsaparams"]!);
    return `${head}.${sign("sha256", Buffer.from(head), key).toString("base64url")}`;
  }

  /** Asks for an access token; the answer's status is the test's to judge. */
  async authorize(assertion = this.assertion()): Promise<Response> {
    const { authorizationUrl } = this.files[".credentials"]!["Data"] as Record<string, string>;
    const body = new URLSearchParams({ grant_type: "client_credentials", client_assertion: assertion });
    const response = await fetch(authorizationUrl!, { method: "POST", body });
    if (response.ok) this.#token = ((await response.clone().json()) as { access_token: string }).access_token;
    return response;
  }

  async openSession(): Promise<Response> {
    const { AgentId: id, AgentName: name } = this.files[".runner"]!;
    const agent = { id, name, version: "2.336.0", osDescription: "Linux" };
    const response = await this.call("POST", this.#broker("session"), { ownerName: "test", agent });
    if (response.ok) this.#session = ((await response.clone().json()) as { sessionId: string }).sessionId;
    return response;
  }

  async online(): Promise<this> {
    for (const response of [await this.authorize(), await this.openSession()]) {
      if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
    }
    return this;
  }

  poll(status: "Online" | "Busy" = "Online"): Promise<Response> {
    const query = `?sessionId=${this.#session}&status=${status}&runnerVersion=2.336.0&os=linux&architecture=x64`;
    return this.call("GET", this.#broker(`message${query}`));
  }

  /** Polls until a message comes. */
  async message(): Promise<BrokerMessage> {
    for (;;) {
      const response = await this.poll();
      if (response.status === 200) return (await response.json()) as BrokerMessage;
      if (response.status !== 202) throw new Error(`message: ${response.status} ${await response.text()}`);
    }
  }

  /** The next job request, acknowledged. */
  async request(): Promise<RunnerJobRequest> {
    const { body } = await this.message();
    const request = JSON.parse(body) as RunnerJobRequest;
    const acknowledged = { runnerRequestId: request.runner_request_id };
    await this.call("POST", this.#broker(`acknowledge?sessionId=${this.#session}`), acknowledged);
    return request;
  }

  acquire(request: RunnerJobRequest): Promise<Response> {
    const body = { jobMessageId: request.runner_request_id, runnerOS: "Linux", billingOwnerId: "1" };
    return this.call("POST", `${request.run_service_url}acquirejob`, body);
  }

  /** Waits for a job and acquires it. */
  async take(): Promise<{ request: RunnerJobRequest; job: JobMessage }> {
    const request = await this.request();
    const response = await this.acquire(request);
    if (!response.ok) throw new Error(`acquirejob: ${response.status} ${await response.text()}`);
    return { request, job: (await response.json()) as JobMessage };
  }

  complete(request: RunnerJobRequest, job: JobMessage, conclusion: Conclusion = "succeeded", outputs = {}) {
    const { planId, jobId } = job;
    const result = { planId, jobId, conclusion, outputs, stepResults: [] };
    return this.call("POST", `${request.run_service_url}completejob`, result);
  }

  renew(request: RunnerJobRequest, { planId, jobId }: JobMessage): Promise<Response> {
    return this.call("POST", `${request.run_service_url}renewjob`, { planId, jobId });
  }

  log(request: RunnerJobRequest, lines: string): Promise<Response> {
    return this.call("POST", `${request.run_service_url}log`, lines);
  }

  closeSession(): Promise<Response> {
    return this.call("DELETE", this.#broker(`session?sessionId=${this.#session}`));
  }

  /** One whole life: online, one job, gone. */
  async serveOne(conclusion: Conclusion = "succeeded"): Promise<JobMessage> {
    await this.online();
    const { request, job } = await this.take();
    await this.complete(request, job, conclusion);
    return job;
  }

  call(method: string, url: string, body?: unknown): Promise<Response> {
    const authorization = `Bearer ${this.#token}`;
    if (body === undefined) return fetch(url, { method, headers: { authorization } });
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return fetch(url, { method, headers: { authorization }, body: text });
  }

  #broker(path: string): string {
    return `${String(this.files[".runner"]!["ServerUrlV2"])}${path}`;
  }
}
