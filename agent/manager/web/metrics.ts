/**
 * GET /metrics. Labels come from settings and enums alone, never from GitHub or agents, so that the number of series
 * is bounded by the settings. Gauges are made anew at each scrape from the last world: what is gone vanishes.
 */
import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";
import { momentBook } from "../history/moments.ts";
import type { Deps } from "../deps.ts";
import type { WaitReason } from "../view.ts";
import type { Fact } from "../facts.ts";
import type { Job, Ms, PoolName, World } from "../world.ts";
import { makeGauges } from "./gauges.ts";

type Refusals = Readonly<Record<PoolName, readonly WaitReason[]>>;

export interface Metrics {
  /** The text of GET /metrics. */
  text(): Promise<string>;
  /** After each plan: gauges show this world at the next scrape. Costs nothing now. */
  observeWorld(world: World, refusals: Refusals, now: Ms): void;
  /** After each applied fact. */
  observeFact(fact: Fact, before: World, after: World, now: Ms): void;
  observePlan(seconds: number): void;
  /** @param kind the action's `do` or `is`. @param outcome such as `ok`, `failed`, `unknown`. */
  observeAction(kind: string, outcome: string): void;
  /** @param route a template such as `POST /actions/runner-groups/{id}`, without ids. @param status 0: no answer. */
  observeGitHubRequest(route: string, status: number): void;
}

/** From a second (a warm machine) to hours (a pool at its maximum). */
const waitBuckets = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_800, 3_600, 10_800];

export function makeMetrics(deps: Deps): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const bounded = labelGuard(64);
  const book = momentBook();

  const wait = new Histogram({
    name: "muster_job_wait_seconds",
    help: "Queued at GitHub to running.",
    labelNames: ["pool"],
    buckets: waitBuckets,
    registers,
  });
  const start = new Histogram({
    name: "muster_start_seconds",
    help: "Queued at GitHub to the runner that took the job listening.",
    labelNames: ["pool"],
    buckets: waitBuckets,
    registers,
  });
  const done = new Counter({
    name: "muster_jobs_done_total",
    help: "Jobs that GitHub called completed.",
    labelNames: ["pool", "result"],
    registers,
  });
  const launches = new Counter({
    name: "muster_launches_total",
    help: "Machines asked of a backend.",
    labelNames: ["pool", "backend"],
    registers,
  });
  const launchFailures = new Counter({
    name: "muster_launch_failures_total",
    help: "Launch calls, or parts of one, that brought no machine.",
    labelNames: ["backend", "reason"],
    registers,
  });
  const syncs = new Counter({
    name: "muster_syncs_total",
    help: "Reports of agents.",
    labelNames: ["pool"],
    registers,
  });
  const plans = new Histogram({
    name: "muster_plan_seconds",
    help: "How long one plan took.",
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1],
    registers,
  });
  const actions = new Counter({
    name: "muster_actions_total",
    help: "What the manager did, by outcome.",
    labelNames: ["kind", "outcome"],
    registers,
  });
  const requests = new Counter({
    name: "muster_github_requests_total",
    help: "Requests to GitHub; status 0: no answer.",
    labelNames: ["route", "status"],
    registers,
  });
  const gauges = makeGauges(registers, deps);

  const jobStarted = (job: Job, after: World) => {
    if (job.queuedMs === null || job.startedMs === null || !after.config.pools[job.pool]) return;
    const moments = job.runner === null ? null : book.of(job.runner, after);
    const ranMs = Math.min(job.startedMs, moments?.jobStartedMs ?? Infinity);
    const seconds = (untilMs: Ms) => Math.max(0, untilMs - job.queuedMs!) / 1000;
    wait.observe({ pool: job.pool }, seconds(ranMs));
    start.observe({ pool: job.pool }, seconds(Math.min(moments?.listeningMs ?? ranMs, ranMs)));
  };
  const backendOf = (world: World, launch: string) => world.launches[launch]?.backend ?? "gone";

  return {
    text: () => registry.metrics(),
    observeWorld: gauges.show,
    observeFact(fact, before, after) {
      book.follow(fact, after);
      if (fact.is === "synced") {
        const pool = after.machines[fact.machine]?.pool;
        if (pool !== undefined) syncs.inc({ pool: settled(pool, after) });
      } else if (fact.is === "launch-sent") {
        const { backend, request } = fact.launch;
        launches.inc({ pool: settled(request.pool, after), backend }, request.machines.length);
      } else if (fact.is === "launched") {
        const backend = backendOf(before, fact.launch);
        for (const { reason } of fact.failures) launchFailures.inc({ backend, reason });
      } else if (fact.is === "launch-unknown") {
        launchFailures.inc({ backend: backendOf(before, fact.launch), reason: fact.failure.reason });
      } else if (fact.is === "demand-seen") {
        for (const { id } of fact.news) {
          const [old, job] = [before.jobs[id], after.jobs[id]];
          if (!job) continue;
          if (job.startedMs !== null && old?.startedMs == null) jobStarted(job, after);
          if (job.state === "completed" && old?.state !== "completed") {
            done.inc({ pool: settled(job.pool, after), result: knownResult(job.result) });
          }
        }
      }
    },
    observePlan: (seconds) => plans.observe(seconds),
    observeAction: (kind, outcome) => actions.inc({ kind: bounded(kind), outcome: bounded(outcome) }),
    observeGitHubRequest: (route, status) =>
      requests.inc({ route: bounded(route), status: String(status >= 100 && status < 600 ? status : 0) }),
  };
}

/** A machine or job may outlive its pool's settings. */
const settled = (pool: PoolName, world: World): string => (world.config.pools[pool] ? pool : "gone");

const results = ["succeeded", "failed", "canceled", "skipped"];
const knownResult = (result: string | null) =>
  result !== null && results.includes(result) ? result : "other";

/** Lets the first `max` values through; a caller that breaks its promise costs a label, not the memory. */
function labelGuard(max: number): (value: string) => string {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return value;
    if (seen.size >= max) return "other";
    seen.add(value);
    return value;
  };
}
