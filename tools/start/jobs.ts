/** A job's way as `npm start` shows it: from the manager's state to rows, changes and waits. Pure. */
import * as z from "zod";
import { steps, type Step } from "../../agent/manager/view.ts";

const at = z.nullable(z.number());

/** The part of GET /api/state that is shown here (agent/manager/view.ts has all of it). */
export const managerState = z.object({
  healthy: z.boolean(),
  problem: z.nullable(z.string()),
  pools: z.array(
    z.object({
      name: z.string(),
      github: z.object({ is: z.enum(["fresh", "stale", "never"]), why: z.nullable(z.string()) }),
      reasons: z.array(z.object({ reason: z.string(), jobs: z.number(), detail: z.string() })),
    }),
  ),
  machines: z.array(z.object({ id: z.string(), stage: z.string() })),
  jobs: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      pool: z.string(),
      workflowRun: z.number(),
      state: z.enum(["queued", "assigned", "running", "completed"]),
      result: z.nullable(z.string()),
      timeline: z.array(z.object({ step: z.enum(steps), atMs: at })),
      waitMs: at,
      waitsFor: z.string(),
    }),
  ),
});
export type ManagerState = z.infer<typeof managerState>;
export type Job = ManagerState["jobs"][number];

/** When a job did a step; null when it has not (yet). */
export const atOf = (job: Job, step: Step): number | null =>
  job.timeline.find((entry) => entry.step === step)?.atMs ?? null;

const firstMs = (job: Job): number =>
  Math.min(...job.timeline.flatMap((entry) => (entry.atMs === null ? [] : [entry.atMs])));

/** Jobs of one run in the order in which they were queued; all jobs for null. */
export const jobsOf = (state: ManagerState, run: number | null): readonly Job[] =>
  state.jobs
    .filter((job) => run === null || job.workflowRun === run)
    .toSorted((a, b) => firstMs(a) - firstMs(b) || a.name.localeCompare(b.name));

/** Steps that happened since `before`, in the order of a job's way. */
const newSteps = (before: Job | undefined, now: Job): readonly Step[] =>
  steps.filter((step) => atOf(now, step) !== null && (before === undefined || atOf(before, step) === null));

export interface Change {
  job: Job;
  steps: readonly Step[];
}

/** What happened between two looks at the manager, job by job. */
export const changes = (before: readonly Job[], now: readonly Job[]): readonly Change[] => {
  const earlier = new Map(before.map((job) => [job.id, job]));
  return now
    .map((job) => ({ job, steps: newSteps(earlier.get(job.id), job) }))
    .filter((change) => change.steps.length > 0);
};

export interface Waits {
  /** Of queued to running, over the jobs that ran; null when none did. */
  p50Seconds: number | null;
  maxSeconds: number | null;
}

const rounded = (ms: number) => Math.round(ms / 10) / 100;

/** Lower middle of a sorted list, so that the figure is one that was really measured. */
export const waits = (jobs: readonly Job[]): Waits => {
  const all = jobs
    .flatMap((job) => (job.waitMs !== null && atOf(job, "running") !== null ? [job.waitMs] : []))
    .toSorted((a, b) => a - b);
  if (all.length === 0) return { p50Seconds: null, maxSeconds: null };
  return { p50Seconds: rounded(all[Math.floor((all.length - 1) / 2)]!), maxSeconds: rounded(all.at(-1)!) };
};
