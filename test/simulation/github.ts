/** GitHub in virtual time: jobs, registrations and messages, as github.md's semantics make them; sessions are left to the wire tests. */
import type { Clock } from "../../agent/manager/deps.ts";
import type { GitHub } from "../../agent/manager/ports.ts";
import type { Fact, Failure, JobNews } from "../../agent/manager/facts.ts";
import type { Prng } from "./prng.ts";

export interface SimulatedJob {
  id: string;
  pool: string;
  durationMs: number;
  state: "queued" | "assigned" | "running" | "completed";
  runner: string | null;
  reassigned: number;
  queuedMs: number;
}
export interface GitHubFaults {
  mintFails: number;
  mintAnswerLost: number;
  removeFails: number;
  /** Messages come so late. */
  messageLagMs: number;
  down: boolean;
}
export interface SimulatedGitHub extends GitHub {
  readonly jobs: Map<string, SimulatedJob>;
  /** Runner records by name; the value is the job that runs there. */
  readonly records: Map<string, string | null>;
  readonly minted: string[];
  faults: GitHubFaults;
  queue(pool: string, id: string, durationMs: number): void;
  /** A runner with this registration listens: the job it gets, if any. */
  take(runner: string): SimulatedJob | null;
  finish(id: string): void;
  /** Messages go to this manager from now on. */
  connect(report: (fact: Fact) => void): void;
}

export function simulateGitHub(
  pools: readonly string[],
  clock: Clock,
  random: Prng,
  faults: GitHubFaults,
): SimulatedGitHub {
  const jobs = new Map<string, SimulatedJob>();
  const records = new Map<string, string | null>();
  const poolOf = new Map<string, string>();
  const minted: string[] = [];
  const capacity = new Map<string, number>();
  let report: (fact: Fact) => void = () => {};

  const ofPool = (pool: string) => [...jobs.values()].filter((job) => job.pool === pool);
  const tell = (pool: string, news: JobNews[]) => {
    const own = ofPool(pool);
    const count = (...states: SimulatedJob["state"][]) =>
      own.filter(({ state }) => states.includes(state)).length;
    const statistics = {
      available: count("queued"),
      acquired: count("assigned", "running"),
      assigned: count("assigned", "running"),
      running: count("running"),
      registered: 0,
      busy: 0,
      idle: 0,
    };
    const to = report;
    clock.after(random.ms(1, faults.messageLagMs + 2), () => {
      if (!api.faults.down) to({ is: "demand-seen", pool, statistics, news, labelsDropped: [] });
    });
  };
  const newsOf = (job: SimulatedJob, is: JobNews["is"]): JobNews => ({
    is,
    id: job.id,
    name: job.id,
    repository: "acme/widgets",
    workflowRun: 1,
    workflowRef: "",
    queuedMs: job.queuedMs,
    assignedMs: null,
    runner: is === "started" || is === "completed" ? job.runner : null,
    result: is === "completed" ? "succeeded" : null,
  });
  const assign = (pool: string) => {
    const own = ofPool(pool);
    let assigned = own.filter(({ state }) => state === "assigned" || state === "running").length;
    const news: JobNews[] = [];
    for (const job of own) {
      if (job.state !== "queued" || assigned >= (capacity.get(pool) ?? 0)) continue;
      job.state = "assigned";
      assigned += 1;
      news.push(newsOf(job, "assigned"));
    }
    if (news.length > 0) tell(pool, news);
  };
  const unavailable = (detail: string) => new Error(detail);
  const failure = (error: unknown, pool: string): Failure => ({
    reason: "unavailable",
    scope: { on: "github", key: pool },
    detail: (error as Error).message,
    retryAfterMs: null,
  });
  const poll = () => {
    for (const pool of pools) {
      if (api.faults.down) report({ is: "demand-failed", pool, failure: failure(unavailable("503"), pool) });
      else tell(pool, []);
    }
    clock.after(50_000, poll);
  };
  clock.after(1, poll);

  const api: SimulatedGitHub = {
    jobs,
    records,
    minted,
    faults,
    start: () => pools.forEach((pool) => tell(pool, [])),
    capacity: (pool, count) => {
      capacity.set(pool, count);
      if (!api.faults.down) assign(pool);
    },
    hosts: () => ({ api: "http://127.0.0.1:1", broker: null }),
    mint: async (pool, name, signal) => {
      await clock.sleep(random.ms(20, 2_000), signal);
      if (api.faults.down || random.chance(api.faults.mintFails)) throw unavailable("mint: 503");
      if (records.has(name)) throw unavailable(`AgentExists: ${name}`);
      records.set(name, null);
      poolOf.set(name, pool);
      minted.push(name);
      if (random.chance(api.faults.mintAnswerLost)) throw unavailable("mint: connection reset");
      return { runnerId: minted.length, jitConfig: `config of ${name}` };
    },
    remove: async (_pool, { name }, signal) => {
      await clock.sleep(random.ms(20, 500), signal);
      if (api.faults.down || random.chance(api.faults.removeFails)) throw unavailable("remove: 503");
      const job = records.get(name);
      if (typeof job === "string") return "busy";
      records.delete(name);
      return "gone";
    },
    archive: async () => ({ version: "2.336.0", sha256: "0".repeat(64), urls: ["x"] }),
    forget: async () => [],
    credentials: () => {},
    classify: failure,
    stop: async () => {},
    queue: (pool, id, durationMs) => {
      jobs.set(id, {
        id,
        pool,
        durationMs,
        state: "queued",
        runner: null,
        reassigned: 0,
        queuedMs: clock.now(),
      });
      assign(pool);
    },
    take: (runner) => {
      if (!records.has(runner) || records.get(runner) !== null) return null;
      const pool = poolOf.get(runner)!;
      const job = ofPool(pool).find(({ state }) => state === "assigned");
      if (!job) return null;
      Object.assign(job, { state: "running", runner });
      records.set(runner, job.id);
      tell(pool, [newsOf(job, "started")]);
      return job;
    },
    finish: (id) => {
      const job = jobs.get(id)!;
      job.state = "completed";
      records.delete(job.runner!);
      tell(job.pool, [newsOf(job, "completed")]);
      assign(job.pool);
    },
    connect: (to) => void (report = to),
  };
  return api;
}
