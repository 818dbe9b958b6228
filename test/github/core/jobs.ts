/** A job's life from "queued" to "completed". */
import { randomUUID } from "node:crypto";
import type { Conclusion, ReadyJob, StepResult } from "../wire.ts";
import { awaitRunner, labelsMatch, release, serves } from "./assignment.ts";
import { append, jobEntry } from "./queue.ts";
import { remove } from "./runners.ts";
import type { Sim } from "./sim.ts";
import type { Job, Run, Runner } from "./state.ts";

/** REST ids are no neighbours of run ids, so that nobody takes one for the other. */
const firstJobId = 70_000_000;

function newJob(sim: Sim, run: Run, ready: ReadyJob): Job {
  const job: Job = {
    id: firstJobId + sim.nextId("job"),
    uuid: randomUUID(),
    requestId: sim.nextId("request"),
    run,
    attempt: run.attempt,
    key: ready.key,
    name: ready.displayName,
    labels: ready.runsOn,
    environment: ready.environment,
    message: ready.message,
    phase: "queued",
    conclusion: null,
    set: null,
    assignments: 0,
    stuck: false,
    runner: null,
    delivery: null,
    afterDelete: null,
    cancelRequested: false,
    completionReported: false,
    order: { queued: sim.nextId("order"), completed: null },
    queuedMs: sim.clock.now(),
    assignedMs: null,
    deliveredMs: null,
    startedMs: null,
    completedMs: null,
    log: "",
    outputs: {},
    stepResults: [],
    stopTimer: () => {},
    stopCancelTimer: () => {},
  };
  run.jobs.push(job);
  sim.state.jobs.set(job.id, job);
  return job;
}

export function enqueue(sim: Sim, run: Run, ready: ReadyJob): void {
  const job = newJob(sim, run, ready);
  sim.state.queued.add(job);
  sim.happened({ what: "job-queued", job: job.id, run: run.id, detail: job.name });
}

/** A job that does not run in this attempt: skipped, or done in an earlier one, whose times and runner it then shows. */
export function enterCompleted(sim: Sim, run: Run, ready: ReadyJob, earlier: Job | null): void {
  const job = newJob(sim, run, ready);
  const now = sim.clock.now();
  const { log, outputs, stepResults, runner, startedMs } = earlier ?? job;
  const conclusion = earlier ? earlier.conclusion : "skipped";
  const completedMs = earlier?.completedMs ?? now;
  Object.assign(job, { log, outputs, stepResults, runner, startedMs, conclusion, completedMs });
  job.phase = "completed";
  job.order.completed = sim.nextId("order");
}

/** The job that this idle runner gets next: its scale set's, or a queued one with its labels. */
export function jobFor(sim: Sim, runner: Runner): Job | null {
  if (runner.set) return runner.set.waiting.values().next().value ?? null;
  for (const job of sim.state.queued) {
    const fits = labelsMatch(job.labels, runner.labels);
    if (fits && serves(sim, runner.scope, runner.groupId, job.run.repository)) return job;
  }
  return null;
}

/** The runner is told; the job is its own once it acquires it. */
export function deliver(sim: Sim, job: Job, runner: Runner): void {
  sim.state.queued.delete(job);
  job.set?.waiting.delete(job);
  job.stopTimer();
  job.phase = "delivered";
  job.deliveredMs = sim.clock.now();
  job.delivery = randomUUID();
  job.runner = { id: runner.id, name: runner.name, groupId: runner.groupId };
  runner.job = job;
  job.stopTimer = sim.later(sim.options.timings.deliveryMs, () => undeliver(sim, job));
  sim.happened({ what: "job-delivered", job: job.id, runner: runner.name });
}

/** Nobody acquired it: back to where it waited. */
export function undeliver(sim: Sim, job: Job): void {
  if (job.phase !== "delivered") return;
  const runner = sim.state.runners.get(job.runner!.id);
  if (runner) {
    runner.job = null;
    runner.unacknowledged = null;
  }
  job.afterDelete = null;
  if (job.set) awaitRunner(sim, job.set, job);
  else release(sim, job);
}

/** The runner acquired it: its config has served the one job that it is good for. */
export function start(sim: Sim, job: Job): void {
  const runner = sim.state.runners.get(job.runner!.id);
  if (runner) runner.spent = true;
  job.phase = "running";
  job.startedMs = sim.clock.now();
  renew(sim, job);
  if (job.set) {
    append(sim, job.set, [jobEntry(sim, job, "JobStarted")]);
    if (sim.faults.take("completion-early")) reportCompletion(sim, job, "succeeded");
  }
  sim.happened({ what: "job-started", job: job.id, runner: job.runner!.name });
}

/** Puts off the moment at which a runner that is not heard of has lost its job. */
export function renew(sim: Sim, job: Job): number {
  const { jobLockMs } = sim.options.timings;
  job.stopTimer();
  job.stopTimer = sim.later(jobLockMs, () => finish(sim, job, { conclusion: "failed", heard: false }));
  return sim.clock.now() + jobLockMs;
}

export interface Result {
  conclusion: Conclusion;
  outputs?: Record<string, string>;
  stepResults?: readonly StepResult[];
  /** False when nobody said so: the runner's record then stays, offline, until somebody deletes it. */
  heard: boolean;
}

export function finish(sim: Sim, job: Job, result: Result): void {
  if (job.phase === "completed") return;
  job.stopTimer();
  job.stopCancelTimer();
  job.phase = "completed";
  job.conclusion = result.conclusion;
  job.outputs = result.outputs ?? {};
  job.stepResults = result.stepResults ?? [];
  job.completedMs = sim.clock.now();
  job.order.completed = sim.nextId("order");
  sim.state.queued.delete(job);
  job.set?.jobs.delete(job);
  job.set?.waiting.delete(job);
  reportCompletion(sim, job, result.conclusion);
  endRecord(sim, job, result.heard);
  sim.tokens.revoke("runtime", (holder) => holder.jobId === job.id);
  sim.happened({ what: "job-completed", job: job.id, detail: result.conclusion });
  job.run.advance();
}

function reportCompletion(sim: Sim, job: Job, conclusion: Conclusion): void {
  if (!job.set || job.completionReported) return;
  job.completionReported = true;
  if (sim.faults.take("completion-lost")) return;
  append(sim, job.set, [jobEntry(sim, job, "JobCompleted", conclusion)]);
}

function endRecord(sim: Sim, job: Job, heard: boolean): void {
  const runner = job.runner && sim.state.runners.get(job.runner.id);
  if (!runner) return;
  runner.job = null;
  runner.unacknowledged = null;
  if (heard && !sim.faults.take("record-lingers")) remove(sim, runner, "job done");
}

/** Asked by a person: what no runner has ends now, what one has ends when it says so, or after a while without. */
export function cancel(sim: Sim, job: Job): void {
  if (job.phase === "completed" || job.cancelRequested) return;
  job.cancelRequested = true;
  if (job.phase !== "running") return finish(sim, job, { conclusion: "canceled", heard: false });
  job.stopCancelTimer = sim.later(sim.options.timings.cancelMs, () =>
    finish(sim, job, { conclusion: "canceled", heard: false }),
  );
  sim.changes.notify();
}
