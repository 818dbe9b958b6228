/**
 * Honest agents and one abuser at the real server with the real core, over loopback: each agent has an address of its own
 * (127.0.1.1 and on; Linux gives all of 127.0.0.0/8), the abuser has one. For a test and for `npm run bench`.
 */
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { makeAgents } from "../../../../agent/manager/agents.ts";
import { makeIdentity } from "../../../../agent/manager/identity.ts";
import { defaultLimits } from "../../../../agent/manager/limits.ts";
import { makeLoop } from "../../../../agent/manager/loop.ts";
import { serveWeb } from "../../../../agent/manager/web/server.ts";
import {
  type EnrollResponse,
  protocolVersion,
  type SyncRequest,
  type SyncResponse,
} from "../../../../agent/protocol.ts";
import { machine, world } from "../worlds.ts";
import { quietDeps } from "./fake-deps.ts";
import { enrolment, webHandlers } from "./server-fixture.ts";

export interface CrowdOptions {
  agents: number;
  /** Syncs that each makes before its instruction comes. */
  syncs: number;
  abuse: null | { slowConnections: number; requests: number };
}
export interface Crowd {
  /** Of every honest call, in milliseconds. */
  p50Ms: number;
  p99Ms: number;
  /** From the order in the core to the agent. */
  orderP99Ms: number;
  /** Agents that got their instruction, exactly once. */
  instructed: number;
  /** Statuses of honest calls other than 200. */
  refusedHonest: number[];
  /** How often the abuser got which status; 0: the connection was closed. */
  abuser: Record<number, number>;
  slowCutOff: number;
  heapGrowthMb: number;
}

const identity = makeIdentity(Buffer.alloc(32, 3));
const abuserAddress = "127.0.0.99";
const id = (n: number) => `crowd-${n}`;

interface Call {
  port: number;
  from: string;
  path: string;
  body: string | Buffer;
  session?: string;
  agent?: Agent;
}
const post = ({ port, from, path, body, session, agent }: Call) =>
  new Promise<{ status: number; text: string }>((resolve) => {
    const headers: Record<string, string> = {
      "content-type": "application/json",
      "content-length": String(Buffer.byteLength(body)),
      ...(session === undefined ? {} : { authorization: `Bearer ${session}` }),
    };
    const call = request(
      { host: "127.0.0.1", port, localAddress: from, method: "POST", path, headers, agent: agent ?? false },
      (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => (text += part));
        answer.on("error", () => resolve({ status: 0, text }));
        answer.on("end", () => resolve({ status: answer.statusCode!, text }));
      },
    );
    call.on("error", () => resolve({ status: 0, text: "" }));
    call.end(body);
  });

export async function crowd({ agents: count, syncs, abuse }: CrowdOptions): Promise<Crowd> {
  const deps = quietDeps();
  const machines = Array.from({ length: count }, (_, n) =>
    machine(id(n), "starting", { askedMs: deps.clock.now() }),
  );
  const loop = makeLoop({
    world: world({ machines, reports: {} }),
    journal: { save: () => {}, heartbeat: () => {} },
    limits: defaultLimits,
    deps,
    broken: (error) => {
      throw error;
    },
  });
  const runner = { version: "2.336.0", sha256: "0".repeat(64), urls: ["http://127.0.0.1/runner"] };
  const handlers = makeAgents({
    loop,
    identity,
    github: { archive: async () => runner },
    configs: new Map(),
    limits: defaultLimits,
    deps,
  });
  const web = await serveWeb({ port: 0, agents: "tcp", handlers: webHandlers({ agents: handlers }) }, deps);
  const { port } = web;
  const [times, orderTimes, refusedHonest] = [[] as number[], [] as number[], [] as number[]];
  const ordered = new Map<string, number>();
  let instructed = 0;

  const honest = async (n: number) => {
    const from = `127.0.${1 + Math.floor(n / 250)}.${1 + (n % 250)}`;
    const agent = new Agent({ keepAlive: true });
    // Machines of a burst boot within seconds of each other.
    await deps.clock.sleep(deps.random() * 3_000);
    const call = async (path: string, body: unknown, session?: string) => {
      const began = performance.now();
      const sent = { port, from, path, body: JSON.stringify(body), agent };
      const answer = await post(session === undefined ? sent : { ...sent, session });
      const ms = performance.now() - began;
      if (answer.status !== 200) refusedHonest.push(answer.status);
      return { ms, json: answer.status === 200 ? (JSON.parse(answer.text) as unknown) : null };
    };
    const enrolled = await call("/agent/v1/enroll", {
      ...enrolment,
      machine: id(n),
      token: identity.token(id(n)),
    });
    times.push(enrolled.ms);
    const { session } = (enrolled.json ?? { session: "none" }) as EnrollResponse;
    let [sequence, done] = [0, 0];
    const sync = (phase: SyncRequest["phase"]) => {
      const report = { job: null, lastLife: null, problem: null, usage: null, life: 0 };
      return call(
        "/agent/v1/sync",
        { protocol: protocolVersion, sequence: ++sequence, phase, done, ...report },
        session,
      );
    };
    for (let round = 0; round < syncs; round++) {
      times.push((await sync("preparing")).ms);
      await deps.clock.sleep(100 + deps.random() * 100);
    }
    // Held until its order comes.
    deps.clock.after(deps.random() * 1_000, () => {
      ordered.set(id(n), performance.now());
      loop.report({ is: "end-asked", machine: id(n), why: "the crowd goes home", failedBoot: false });
    });
    const { json } = await sync("ready");
    const { instruction } = (json ?? { instruction: { do: "none" } }) as SyncResponse;
    if (instruction.do === "end") {
      orderTimes.push(performance.now() - ordered.get(id(n))!);
      instructed += 1;
      done = instruction.id;
    }
    await sync("ended");
    agent.destroy();
  };

  const abuser: Record<number, number> = {};
  const slow: Socket[] = [];
  let slowCutOff = 0;
  let over = false;
  const dribble = async () => {
    const socket = connect({ host: "127.0.0.1", port, localAddress: abuserAddress });
    slow.push(socket);
    socket.on("error", () => {});
    socket.on("close", () => (over ? 0 : slowCutOff++));
    socket.on("data", () => {});
    socket.write("POST /agent/v1/sync HTTP/1.1\r\nhost: ");
    while (!over && !socket.destroyed) {
      await deps.clock.sleep(300);
      if (socket.writable) socket.write("a");
    }
  };
  const flood = async (requests: number) => {
    const bodies: [string, string | Buffer, string?][] = [
      ["/agent/v1/enroll", JSON.stringify({ ...enrolment, machine: id(0), token: "x".repeat(40) })],
      ["/agent/v1/enroll", Buffer.alloc(200_000, 120)],
      ["/agent/v1/sync", "[".repeat(60_000), identity.session(id(1), "127.0.1.2")],
      ["/agent/v1/sync", "{}", "x.y"],
    ];
    for (let n = 0; n < requests; n++) {
      const [path, body, session] = bodies[n % bodies.length]!;
      const call = { port, from: abuserAddress, path, body };
      const { status } = await post(session === undefined ? call : { ...call, session });
      abuser[status] = (abuser[status] ?? 0) + 1;
    }
  };

  globalThis.gc?.();
  const heapBefore = process.memoryUsage().heapUsed;
  let heapMost = heapBefore;
  const watch = async () => {
    while (!over) {
      heapMost = Math.max(heapMost, process.memoryUsage().heapUsed);
      await deps.clock.sleep(100);
    }
  };
  try {
    const dribbles = Array.from({ length: abuse?.slowConnections ?? 0 }, dribble);
    // Ten at a time, without a pause.
    const floods = Array.from({ length: abuse ? 10 : 0 }, () => flood(abuse!.requests / 10));
    const watching = watch();
    await Promise.all([...Array.from({ length: count }, (_, n) => honest(n)), ...floods]);
    // The last slow ones are looked for every second.
    for (const endMs = deps.clock.now() + 8_000; slowCutOff < dribbles.length && deps.clock.now() < endMs;)
      await deps.clock.sleep(50);
    over = true;
    for (const socket of slow) socket.destroy();
    await Promise.all([...dribbles, watching]);
  } finally {
    over = true;
    await web.close();
  }
  const at = (all: number[], share: number) =>
    all.sort((a, b) => a - b)[Math.min(all.length - 1, Math.floor(all.length * share))] ?? NaN;
  return {
    p50Ms: at(times, 0.5),
    p99Ms: at(times, 0.99),
    orderP99Ms: at(orderTimes, 0.99),
    instructed,
    refusedHonest,
    abuser,
    slowCutOff,
    heapGrowthMb: (heapMost - heapBefore) / 1024 ** 2,
  };
}
