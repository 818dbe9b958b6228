/** A client of the scale set service without retries or opinions: every status is the test's to judge. */
import type { GitHubSimulator } from "../server.ts";

interface Session {
  sessionId: string;
  messageQueueUrl: string;
  messageQueueAccessToken: string;
  statistics: Record<string, number>;
}
export interface Message {
  messageId: number;
  messageType: string;
  body: string;
  statistics: Record<string, number>;
}
export interface Entry {
  messageType: string;
  runnerRequestId: number;
  jobId: string;
  jobDisplayName: string;
  runnerName?: string;
  result?: string;
  requestLabels: string[];
}
export const entriesOf = (message: Message) => JSON.parse(message.body) as Entry[];

export class Client {
  readonly github: GitHubSimulator;
  readonly configUrl: string;
  adminToken = "";
  service = "";
  session: Session | null = null;
  setId = 0;

  constructor(github: GitHubSimulator, configUrl = github.repositoryUrl) {
    this.github = github;
    this.configUrl = configUrl;
  }

  rest(method: string, path: string, body?: unknown, token = this.github.token): Promise<Response> {
    return fetch(`${this.github.apiUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  /** `/repos/acme/widgets` or `/orgs/acme`. */
  get base(): string {
    const parts = new URL(this.configUrl).pathname.split("/").filter(Boolean);
    return parts.length === 2 ? `/repos/${parts.join("/")}` : `/orgs/${parts[0]}`;
  }

  /** Registration token, then the admin JWT and the service's address. */
  async login(): Promise<this> {
    const registration = await this.rest("POST", `${this.base}/actions/runners/registration-token`);
    const { token } = (await registration.json()) as { token: string };
    const response = await fetch(`${this.github.apiUrl}/actions/runner-registration`, {
      method: "POST",
      headers: { authorization: `RemoteAuth ${token}` },
      body: JSON.stringify({ url: this.configUrl, runner_event: "register" }),
    });
    const admin = (await response.json()) as { url: string; token: string };
    this.adminToken = admin.token;
    this.service = admin.url.replace(/\/$/, "");
    return this;
  }

  call(method: string, path: string, body?: unknown, token = this.adminToken): Promise<Response> {
    const query = path.includes("?") ? "&" : "?";
    return fetch(`${this.service}/_apis/${path}${query}api-version=6.0-preview`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }
  sets(method: string, path = "", body?: unknown, token?: string): Promise<Response> {
    return this.call(method, `runtime/runnerscalesets${path}`, body, token);
  }

  async createSet(name: string, labels: string[] = [], groupId = 1) {
    const wanted = labels.map((label) => ({ name: label, type: "System" }));
    const response = await this.sets("POST", "", { name, runnerGroupId: groupId, labels: wanted });
    if (!response.ok) throw new Error(`scale set: ${response.status} ${await response.text()}`);
    const set = (await response.json()) as { id: number; labels: { name: string }[] };
    this.setId = set.id;
    return set;
  }

  openSession(ownerName = "test"): Promise<Response> {
    return this.sets("POST", `/${this.setId}/sessions`, { ownerName });
  }
  async open(ownerName = "test"): Promise<Session> {
    const response = await this.openSession(ownerName);
    if (!response.ok) throw new Error(`session: ${response.status} ${await response.text()}`);
    this.session = (await response.json()) as Session;
    return this.session;
  }
  async refresh(): Promise<Response> {
    const response = await this.sets("PATCH", `/${this.setId}/sessions/${this.session!.sessionId}`);
    if (response.ok) this.session = (await response.clone().json()) as Session;
    return response;
  }
  closeSession(): Promise<Response> {
    return this.sets("DELETE", `/${this.setId}/sessions/${this.session!.sessionId}`);
  }

  poll(capacity: number | null, lastMessageId = 0, signal?: AbortSignal): Promise<Response> {
    const url = new URL(this.session!.messageQueueUrl);
    if (lastMessageId > 0) url.searchParams.set("lastMessageId", String(lastMessageId));
    const headers = new Headers({ authorization: `Bearer ${this.session!.messageQueueAccessToken}` });
    if (capacity !== null) headers.set("x-scalesetmaxcapacity", String(capacity));
    return fetch(url, { headers, ...(signal && { signal }) });
  }
  /** The next message; throws when there is none. */
  async next(capacity: number | null, lastMessageId = 0): Promise<Message> {
    const response = await this.poll(capacity, lastMessageId);
    if (response.status !== 200) throw new Error(`poll: ${response.status} ${await response.text()}`);
    return (await response.json()) as Message;
  }
  acknowledge(messageId: number): Promise<Response> {
    const url = new URL(this.session!.messageQueueUrl);
    url.pathname += `/${messageId}`;
    const authorization = `Bearer ${this.session!.messageQueueAccessToken}`;
    return fetch(url, { method: "DELETE", headers: { authorization } });
  }

  jit(name: string): Promise<Response> {
    return this.sets("POST", `/${this.setId}/generatejitconfig`, { name, workFolder: "_work" });
  }
  /** The JIT config of a new runner of the set. */
  async mint(name: string): Promise<{ id: number; config: string }> {
    const response = await this.jit(name);
    if (!response.ok) throw new Error(`jit: ${response.status} ${await response.text()}`);
    const answer = (await response.json()) as { runner: { id: number }; encodedJITConfig: string };
    return { id: answer.runner.id, config: answer.encodedJITConfig };
  }
}
