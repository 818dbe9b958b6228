/**
 * GET /metrics. Labels come from settings and enums alone, never from GitHub or agents, so that the number of series
 * is bounded by the settings. Gauges are made anew at each scrape from the last world: what is gone vanishes.
 */
import { collectDefaultMetrics, Counter, Histogram, Registry } from "prom-client";
import { momentBook } from "../history/moments.ts";
import type { Deps } from "../deps.ts";
import type { WaitReason } from "../view.ts";
import type { Fact } from "../facts.ts";
import {
  isAlive,
  type Job,
  type Machine,
  type MachineId,
  type Ms,
  type PoolName,
  type World,
} from "../world.ts";
import type { ConnectTimes } from "./detail.ts";
import { makeGauges, settled } from "./gauges.ts";
import { type CounterName, type HistogramName, metricTable } from "./metric-table.ts";

type Refusals = Readonly<Record<PoolName, readonly WaitReason[]>>;

export interface Metrics {
  /** The text of GET /metrics. */
  text(): Promise<string>;
  /** After each plan: gauges show this world at the next scrape. Costs nothing now. */
  observeWorld(world: World, refusals: Refusals, now: Ms): void;
  /** After each applied fact. */
  observeFact(fact: Fact, before: World, after: World, now: Ms): void;
  observePlan(seconds: number): void;
  /** An action was begun; the returned function is called at its end. @param kind the action's `do`. */
  actionBegan(kind: string): () => void;
  /** @param kind the action's `do`. @param outcome `ok` or `failed`. */
  observeAction(kind: string, outcome: string, seconds: number): void;
  /** How far GitHub is from the manager, as last measured. */
  observeConnect(times: ConnectTimes): void;
  /** @param route a template such as `POST /actions/runner-groups/{id}`, without ids. @param status 0: no answer. */
  observeGitHubRequest(route: string, status: number): void;
}

export function makeMetrics(deps: Deps): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const bounded = labelGuard(64);
  const book = momentBook();

  const histogram = (name: HistogramName) => {
    const { help, labels, buckets } = metricTable[name];
    return new Histogram({ name, help, labelNames: [...labels], buckets: [...buckets], registers });
  };
  const counter = (name: CounterName) => {
    const { help, labels } = metricTable[name];
    return new Counter({ name, help, labelNames: [...labels] as string[], registers });
  };
  const wait = histogram("muster_job_wait_seconds");
  const start = histogram("muster_start_seconds");
  const run = histogram("muster_job_run_seconds");
  const launch = histogram("muster_launch_seconds");
  const boot = histogram("muster_boot_seconds");
  const registration = histogram("muster_registration_seconds");
  const removal = histogram("muster_removal_seconds");
  const plans = histogram("muster_plan_seconds");
  const actionTimes = histogram("muster_action_seconds");
  const done = counter("muster_jobs_done_total");
  const launches = counter("muster_launches_total");
  const launchFailures = counter("muster_launch_failures_total");
  const syncs = counter("muster_syncs_total");
  const lost = counter("muster_jobs_lost_total");
  const reruns = counter("muster_reruns_total");
  const actions = counter("muster_actions_total");
  const requests = counter("muster_github_requests_total");
  /** By action under way: its kind and when it began. */
  const underWay = new Map<object, { kind: string; sinceMs: Ms }>();
  let connect: ConnectTimes = {};
  const gauges = makeGauges(registers, { underWay: () => underWay.values(), connect: () => connect }, deps);

  const jobStarted = (job: Job, after: World) => {
    if (job.queuedMs === null || job.startedMs === null || !after.config.pools[job.pool]) return;
    const moments = job.runner === null ? null : book.of(job.runner, after);
    const ranMs = Math.min(job.startedMs, moments?.jobStartedMs ?? Infinity);
    const seconds = (untilMs: Ms) => Math.max(0, untilMs - job.queuedMs!) / 1000;
    wait.observe({ pool: job.pool }, seconds(ranMs));
    start.observe({ pool: job.pool }, seconds(Math.min(moments?.listeningMs ?? ranMs, ranMs)));
  };
  const jobDone = (job: Job, after: World) => {
    const labels = { pool: settled(job.pool, after), result: knownResult(job.result) };
    done.inc(labels);
    if (job.startedMs === null || job.completedMs === null) return;
    run.observe(labels, Math.max(0, job.completedMs - job.startedMs) / 1000);
  };
  const machineMoved = (old: Machine | undefined, machine: Machine | undefined, after: World, now: Ms) => {
    const pool = settled((machine ?? old)!.pool, after);
    const seconds = (sinceMs: Ms, untilMs: Ms) => Math.max(0, untilMs - sinceMs) / 1000;
    if (!machine)
      return old && !isAlive(old) ? removal.observe({ pool }, seconds(old.stageMs, now)) : undefined;
    const { startedMs, enrolledMs, askedMs } = machine;
    // Where a backend names its machines itself the one that was asked for had another name.
    const came = old ? old.startedMs === null : after.launches[machine.launch]?.named?.includes(machine.id);
    if (came === true && startedMs !== null)
      launch.observe({ backend: machine.backend }, seconds(askedMs, startedMs));
    if (!old) return;
    if (old.enrolledMs === null && enrolledMs !== null) boot.observe({ pool }, seconds(askedMs, enrolledMs));
    const listens = machine.stage === "listening" || machine.stage === "busy";
    if (old.stage === "registered" && listens && machine.registration)
      registration.observe({ pool }, seconds(machine.registration.askedMs, now));
  };
  const lossesMoved = (before: World, after: World) => {
    for (const { id, pool: name, reason } of Object.values(after.losses)) {
      const old = before.losses[id]?.reason;
      const pool = settled(name, after);
      if (old === undefined) lost.inc({ pool });
      if (old === reason) continue;
      if (reason === "rerun-made") reruns.inc({ pool, outcome: "made" });
      if (reason === "rerun-left") reruns.inc({ pool, outcome: "left" });
    }
  };
  const backendOf = (world: World, launch: string) => world.launches[launch]?.backend ?? "gone";

  return {
    text: () => registry.metrics(),
    observeWorld: gauges.show,
    observeFact(fact, before, after, now) {
      book.follow(fact, after);
      if (before.losses !== after.losses) lossesMoved(before, after);
      if (before.machines !== after.machines) {
        for (const id of mayHaveMoved(fact, before)) {
          const [old, machine] = [before.machines[id], after.machines[id]];
          if (old !== machine) machineMoved(old, machine, after, now);
        }
      }
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
          if (job.state === "completed" && old?.state !== "completed") jobDone(job, after);
        }
      }
    },
    observePlan: (seconds) => plans.observe(seconds),
    actionBegan: (kind) => {
      const action = {};
      underWay.set(action, { kind: bounded(kind), sinceMs: deps.clock.now() });
      return () => void underWay.delete(action);
    },
    observeAction: (kind, outcome, seconds) => {
      const labels = { kind: bounded(kind), outcome: bounded(outcome) };
      actions.inc(labels);
      actionTimes.observe(labels, seconds);
    },
    observeConnect: (times) => void (connect = times),
    observeGitHubRequest: (route, status) =>
      requests.inc({ route: bounded(route), status: String(status >= 100 && status < 600 ? status : 0) }),
  };
}

/** Machines whose way a fact may have moved on: most facts name one, and there may be thousands. */
function mayHaveMoved(fact: Fact, before: World): readonly MachineId[] {
  switch (fact.is) {
    case "synced":
    case "enrolled":
      return [fact.machine];
    case "launched":
      return fact.machines;
    // A list, a record that is gone and a message tell of any; a machine that is new is on no step but the first.
    case "listed":
      return [...new Set([...Object.keys(before.machines), ...fact.machines.map(({ id }) => id)])];
    case "runner-removed":
    case "demand-seen":
      return Object.keys(before.machines);
    default:
      return [];
  }
}

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
