/** Workflow runs: jobs become ready, end, and end the run; re-runs make a new attempt. */
import { randomUUID } from "node:crypto";
import type { WorkflowLogic } from "../wire.ts";
import { cancel, enqueue, enterCompleted } from "./jobs.ts";
import { nothing } from "./plain.ts";
import type { Sim } from "./sim.ts";
import type { Job, Repository, Run } from "./state.ts";

const firstRunId = 30_000_000_000;

export interface NewRun {
  repository: Repository;
  path: string;
  ref: string;
  sha: string;
  eventName: Run["eventName"];
  /** Made with the run's ids, once per attempt. */
  logic: (ids: { runId: number; runNumber: number; runAttempt: number }) => Promise<WorkflowLogic>;
}

export async function createRun(sim: Sim, wanted: NewRun): Promise<Run> {
  const id = firstRunId + sim.nextId("run");
  const number = sim.nextId(`run number of ${wanted.path}`);
  const { logic: make, ...rest } = wanted;
  const restart = (runAttempt: number) => make({ runId: id, runNumber: number, runAttempt });
  const logic = await restart(1);
  const now = sim.clock.now();
  const run: Run = {
    ...rest,
    id,
    number,
    attempt: 1,
    planId: randomUUID(),
    name: logic.name,
    logic,
    restart,
    advance: () => advance(sim, run),
    jobs: [],
    kept: new Map(),
    conclusion: null,
    createdMs: now,
    startedMs: now,
    updatedMs: now,
  };
  sim.state.runs.set(id, run);
  run.advance();
  return run;
}

/** The jobs of the present attempt. */
export const latestJobs = (run: Run) => run.jobs.filter((job) => job.attempt === run.attempt);

export function runStatus(run: Run): "queued" | "in_progress" | "completed" {
  if (run.conclusion !== null) return "completed";
  return latestJobs(run).some((job) => job.startedMs !== null) ? "in_progress" : "queued";
}

function advance(sim: Sim, run: Run): void {
  if (run.conclusion !== null) return;
  run.updatedMs = sim.clock.now();
  for (const job of run.jobs) tellLogic(run, job);
  failFast(sim, run);
  for (let ready = run.logic.ready(); ready.length > 0; ready = run.logic.ready()) {
    for (const next of ready) {
      const kept = run.kept.get(next.key);
      if (kept) enterCompleted(sim, run, next, kept);
      else enqueue(sim, run, next);
    }
    for (const job of run.jobs) tellLogic(run, job);
  }
  enterSkipped(sim, run);
  // Canceling a job above may have come here by itself, and ended the run.
  if (run.conclusion !== null) return;
  run.conclusion = run.logic.conclusion();
  if (run.conclusion !== null) {
    sim.happened({ what: "run-completed", run: run.id, detail: run.conclusion });
  }
}

function failFast(sim: Sim, run: Run): void {
  const keys = run.logic.toCancel?.() ?? [];
  for (const job of latestJobs(run)) if (keys.includes(job.key)) cancel(sim, job);
}

const told = new WeakMap<Job, WorkflowLogic>();
function tellLogic(run: Run, job: Job): void {
  if (job.attempt !== run.attempt || job.phase !== "completed" || told.get(job) === run.logic) return;
  told.set(job, run.logic);
  if (job.conclusion === "skipped") return;
  run.logic.finish(job.key, job.conclusion ?? "canceled", job.outputs);
}

function enterSkipped(sim: Sim, run: Run): void {
  const known = new Set(latestJobs(run).map((job) => job.key));
  for (const key of run.logic.skipped().filter((skipped) => !known.has(skipped))) {
    const { message } = nothing;
    enterCompleted(sim, run, { key, displayName: key, runsOn: [], environment: null, message }, null);
  }
}

/** Ends what runs and what waits. False: it is over already. */
export function cancelRun(run: Run, sim: Sim): boolean {
  if (run.conclusion !== null) return false;
  run.logic.cancel();
  for (const job of latestJobs(run)) cancel(sim, job);
  run.advance();
  return true;
}

/** What a re-run leaves as it was: nothing, what succeeded, or all but one job and what came after it. */
export type Rerun = "all" | "failed" | { job: Job };

/**
 * A new attempt. Rejects nothing: whoever calls made sure that the run is over (GitHub answers 403 otherwise).
 * With one job, those that became ready after its end count as depending on it: the run's logic does not tell.
 */
export async function rerun(sim: Sim, run: Run, which: Rerun): Promise<void> {
  const before = latestJobs(run);
  // In the first attempt: later ones begin only what they run again.
  const first = ({ key }: Job) => run.jobs.find((job) => job.key === key)!.order;
  const keep = (job: Job) => {
    if (which === "all") return false;
    if (which === "failed") return job.conclusion === "succeeded" || job.conclusion === "skipped";
    return job.key !== which.job.key && first(job).queued < (first(which.job).completed ?? Infinity);
  };
  const logic = await run.restart(run.attempt + 1);
  run.attempt += 1;
  run.planId = randomUUID();
  run.logic = logic;
  run.kept = new Map(before.filter(keep).map((job) => [job.key, job]));
  run.conclusion = null;
  run.startedMs = sim.clock.now();
  run.advance();
}
