/** A job's record: GitHub's news joined with the moments of the machine that ran it. Pure. */
import type { Job, Ms } from "../world.ts";
import type { Step } from "../view.ts";
import type { Moments } from "./moments.ts";

export interface JobRecord {
  id: string;
  name: string;
  pool: string;
  repository: string;
  workflowRef: string;
  workflowRun: number;
  state: Job["state"];
  /** `succeeded`, `failed`, `canceled`; `unknown` when nobody said how it ended. */
  result: string | null;
  runner: string | null;
  machine: string | null;
  /** Wall time of every step; null where it has not happened or nobody said when. */
  times: Readonly<Record<Step, Ms | null>>;
  /** The Listener was ready; not a step of the timeline, but the end of `muster_start_seconds`. */
  listeningMs: Ms | null;
  seenMs: Ms;
}

export interface WaitFigures {
  /** How many jobs the figures are of; the last ones that ran. */
  jobs: number;
  medianMs: Ms;
  p95Ms: Ms;
  maxMs: Ms;
}

/**
 * The job as it stands, with whatever is known of its machine. What was known stays known, except that GitHub may
 * take back a job's end by assigning it anew.
 */
export function joined(job: Job, moments: Moments | null, old: JobRecord | null): JobRecord {
  const before = old?.runner === job.runner ? old : null;
  const started = job.startedMs === null ? null : earliest(job.startedMs, moments?.jobStartedMs ?? null);
  return {
    id: job.id,
    name: job.name,
    pool: job.pool,
    repository: job.repository,
    workflowRef: job.workflowRef,
    workflowRun: job.workflowRun,
    state: job.state,
    result: job.result,
    runner: job.runner,
    machine: moments?.machine ?? before?.machine ?? null,
    times: {
      queued: job.queuedMs ?? old?.times.queued ?? null,
      assigned: job.assignedMs ?? old?.times.assigned ?? null,
      "launch asked": moments?.askedMs ?? before?.times["launch asked"] ?? null,
      started: moments?.startedMs ?? before?.times.started ?? null,
      enrolled: moments?.enrolledMs ?? before?.times.enrolled ?? null,
      registered: moments?.registeredMs ?? before?.times.registered ?? null,
      running: earliest(started, before?.times.running ?? null),
      done: job.completedMs,
    },
    listeningMs: moments?.listeningMs ?? before?.listeningMs ?? null,
    seenMs: job.seenMs,
  };
}

const earliest = (a: Ms | null, b: Ms | null): Ms | null =>
  a === null ? b : b === null ? a : Math.min(a, b);

/** Queued to running; null while it waits or when GitHub did not say when it was queued. */
export function waitedMs({ times }: JobRecord): Ms | null {
  const since = times.queued ?? times.assigned;
  return since === null || times.running === null ? null : Math.max(0, times.running - since);
}

/** Nobody will say any more how this job ended. */
export function givenUp(record: JobRecord): JobRecord {
  return { ...record, state: "completed", result: record.result ?? "unknown" };
}

/** Sorts in place: open jobs by when they were queued, then completed ones by their end; newest first. */
export function newestFirst(records: JobRecord[]): JobRecord[] {
  const open = ({ state }: JobRecord) => (state === "completed" ? 0 : 1);
  return records.sort((a, b) => open(b) - open(a) || momentOf(b) - momentOf(a) || (a.id < b.id ? 1 : -1));
}

const momentOf = ({ state, times, seenMs }: JobRecord): Ms =>
  (state === "completed" ? times.done : (times.queued ?? times.assigned)) ?? seenMs;

/** Median, 95th percentile and maximum of waits; null without any. */
export function waitFigures(waits: readonly Ms[]): WaitFigures | null {
  if (waits.length === 0) return null;
  const sorted = waits.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)]!;
  return { jobs: sorted.length, medianMs: at(0.5), p95Ms: at(0.95), maxMs: at(1) };
}
