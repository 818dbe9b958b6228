/** A manager as its agents see it: protocol.ts over HTTP, scripted by a test. Also serves runner archives. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readFile } from "node:fs/promises";
import {
  enrollRequest,
  protocolVersion,
  syncRequest,
  type Archive,
  type EnrollRequest,
  type EnrollResponse,
  type Instruction,
  type SyncRequest,
} from "../../../agent/protocol.ts";

import * as version2 from "../fixtures/protocol-2.ts";

type Order<T = Instruction> = T extends { id: number } ? Omit<T, "id"> : never;
export interface Refusal {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
}

export interface FakeManagerOptions {
  archive: { file: string; sha256: string };
  syncSeconds?: number;
  deadManSeconds?: number;
  /** How long a sync of a machine that waits is held. */
  holdMs?: number;
  /** What it names as GitHub's hosts; by default nothing. */
  github?: EnrollResponse["github"];
  /** A manager of protocol 2: it reads and says what that version knew. */
  version2?: boolean;
  /** Absolute: agents' calls are served on this Unix socket instead of TCP, which then has archives only. */
  socket?: string | null;
}

export class FakeManager {
  readonly enrolments: EnrollRequest[] = [];
  readonly syncs: SyncRequest[] = [];
  /** When each sync came, in milliseconds of performance.now(). */
  readonly times: number[] = [];
  archiveDownloads = 0;
  /** Answers the next calls of a kind in these words, oldest first. */
  readonly refuse: { enroll: Refusal[]; sync: Refusal[] } = { enroll: [], sync: [] };
  archive: Archive;
  readonly #options: Required<FakeManagerOptions>;
  readonly #server = createServer((request, response) => void this.#answer(request, response, "tcp"));
  readonly #private = createServer((request, response) => void this.#answer(request, response, "unix"));
  readonly #orders = new Map<string, Instruction>();
  readonly #held = new Map<string, () => void>();
  readonly #watchers = new Set<() => void>();
  #lastId = 0;
  #port = 0;

  private constructor(options: FakeManagerOptions) {
    const usual = { syncSeconds: 30, deadManSeconds: 600, holdMs: 25_000, socket: null };
    this.#options = { ...usual, github: undefined, version2: false, ...options };
    this.archive = { version: "2.336.0", sha256: options.archive.sha256, urls: [] };
  }

  static async start(options: FakeManagerOptions): Promise<FakeManager> {
    const manager = new FakeManager(options);
    await manager.up();
    manager.archive.urls = [`${manager.url}/runner.tar.gz`];
    return manager;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }
  /** What a launch file names. */
  get address(): string {
    return this.#options.socket === null ? this.url : `unix:${this.#options.socket}`;
  }
  get port(): number {
    return this.#port;
  }

  /** Listens, after a `down` on the same port. */
  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    const { socket } = this.#options;
    if (socket !== null) await new Promise<void>((resolve) => this.#private.listen(socket, resolve));
  }

  /** Gone like a killed process: connections break, nothing answers. */
  async down(): Promise<void> {
    const servers = [this.#server, this.#private];
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    for (const server of servers) server.closeAllConnections();
    await Promise.all(closed);
  }

  /** What a machine shall do next; returns the instruction's id. */
  order(machine: string, what: Order): number {
    this.#lastId += 1;
    this.#orders.set(machine, { ...what, id: this.#lastId });
    this.#held.get(machine)?.();
    return this.#lastId;
  }

  /** Sends the machine's present instruction again, as a manager does that saw no answer. */
  repeat(machine: string): void {
    this.#held.get(machine)?.();
  }

  last(): SyncRequest | undefined {
    return this.syncs.at(-1);
  }

  /** The first report, from the `from`th on, for which `test` holds; fails after `limitMs`. */
  async report(
    test: (sync: SyncRequest) => boolean,
    { from = 0, limitMs = 50_000 }: { from?: number; limitMs?: number } = {},
  ): Promise<SyncRequest> {
    await this.until(() => this.syncs.slice(from).some(test), limitMs);
    return this.syncs.slice(from).find(test)!;
  }

  phase(phase: SyncRequest["phase"], from = 0): Promise<SyncRequest> {
    return this.report((sync) => sync.phase === phase, { from });
  }

  /** Waits until a call made `test` true. */
  until(test: () => boolean, limitMs = 50_000): Promise<void> {
    const said = () => this.syncs.map(({ phase, life, done }) => `${phase}/${life}/${done}`).join(" ");
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!test()) return;
        finish();
        resolve();
      };
      const timer = setTimeout(() => {
        finish();
        reject(new Error(`not within ${limitMs} ms; the agent said: ${said()}`));
      }, limitMs);
      const finish = () => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      look();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse, over: "tcp" | "unix"): Promise<void> {
    if (request.url === "/runner.tar.gz") {
      this.archiveDownloads += 1;
      response.end(await readFile(this.#options.archive.file));
      return;
    }
    const served = over === (this.#options.socket === null ? "tcp" : "unix");
    if (request.method !== "POST" || !served) return send(response, { status: 404, body: "not here" });
    const parts: Buffer[] = [];
    for await (const part of request as AsyncIterable<Buffer>) parts.push(part);
    const body: unknown = JSON.parse(Buffer.concat(parts).toString());
    if (request.url === "/agent/v1/enroll") this.#enroll(body, response);
    else if (request.url === "/agent/v1/sync") await this.#sync(body, request, response);
    else send(response, { status: 404, body: { error: "bad-request", message: "no such path" } });
    for (const look of [...this.#watchers]) look();
  }

  #enroll(body: unknown, response: ServerResponse): void {
    const { version2: old, github } = this.#options;
    this.enrolments.push((old ? version2.enrollRequest : enrollRequest).parse(body));
    const refused = this.refuse.enroll.shift();
    if (refused) return send(response, refused);
    const answer: EnrollResponse = {
      protocol: old ? version2.protocolVersion : protocolVersion,
      session: `session-of-${this.enrolments.at(-1)!.machine}`,
      pool: "default",
      syncSeconds: this.#options.syncSeconds,
      deadManSeconds: this.#options.deadManSeconds,
      runner: this.archive,
      ...(github ? { github } : {}),
    };
    send(response, { status: 200, body: answer });
  }

  async #sync(body: unknown, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sync: SyncRequest = (this.#options.version2 ? version2.syncRequest : syncRequest).parse(body);
    const machine = (request.headers.authorization ?? "").replace("Bearer session-of-", "");
    this.syncs.push(sync);
    this.times.push(performance.now());
    for (const look of [...this.#watchers]) look();
    const refused = this.refuse.sync.shift();
    if (refused) return send(response, refused);
    const due = () => {
      const order = this.#orders.get(machine);
      return order && order.id > sync.done ? order : null;
    };
    const holds = !due() && (sync.phase === "ready" || sync.phase === "listening");
    if (holds) await this.#hold(machine, response);
    const order = due();
    const instruction: Instruction = order ?? { id: sync.done, do: "wait" };
    const nextSeconds = holds && !order ? 0 : this.#options.syncSeconds;
    if (!response.destroyed) send(response, { status: 200, body: { instruction, nextSeconds } });
  }

  #hold(machine: string, response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const release = () => {
        clearTimeout(timer);
        if (this.#held.get(machine) === release) this.#held.delete(machine);
        resolve();
      };
      const timer = setTimeout(release, this.#options.holdMs);
      this.#held.get(machine)?.();
      this.#held.set(machine, release);
      response.once("close", release);
    });
  }
}

function send(response: ServerResponse, { status, body, headers = {} }: Refusal): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}
