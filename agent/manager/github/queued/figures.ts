/** Which pool a job is for, and a pool's figures and news in the meaning that scale sets give them. Pure, but for what was told. */
import type { JobNews } from "../../facts.ts";
import type { PoolName, Statistics } from "../../world.ts";
import type { KnownJob, Told } from "./book.ts";

/** A pool's labels, in small letters. */
export type Labels = ReadonlyMap<PoolName, ReadonlySet<string>>;

/**
 * GitHub routes a job to a runner that has all its labels, whatever their case. Of several pools that fit, the one with the
 * fewest labels is meant, the first by name among equals; a job stays with its pool as long as it fits.
 */
export function poolFor(job: Pick<KnownJob, "labels" | "pool">, pools: Labels): PoolName | null {
  // `runs-on: {group: ...}` has no labels: nothing says that one of our pools is meant.
  if (job.labels.length === 0) return null;
  const fits = [...pools].filter(([, labels]) => job.labels.every((label) => labels.has(label)));
  if (job.pool !== null && fits.some(([name]) => name === job.pool)) return job.pool;
  const [best] = fits.sort(([a, own], [b, other]) => own.size - other.size || (a < b ? -1 : 1));
  return best?.[0] ?? null;
}

/**
 * Gives every job its pool: by the runner of ours that has it, or by its labels.
 * @returns jobs that no pool is meant by any more, with the pool that was told of them
 */
export function route(
  jobs: readonly KnownJob[],
  pools: Labels,
  ours: (runner: string) => PoolName | undefined,
): { job: KnownJob; pool: PoolName }[] {
  return jobs.flatMap((job) => {
    const before = job.pool;
    const taken = job.runner === null ? undefined : ours(job.runner);
    if (taken !== undefined && pools.has(taken)) job.pool = taken;
    else if (job.is === "waiting" || (before !== null && job.is !== "over" && job.is !== "unread"))
      job.pool = poolFor(job, pools);
    if (before === null || before === job.pool || job.told === "completed") return [];
    const told = job.told;
    // Another pool has not heard of it.
    job.told = "nothing";
    return job.pool === null && told !== "nothing" ? [{ job, pool: before }] : [];
  });
}

/** A job that is this pool's no longer; how it ends is not for us to know. */
export const goodbye = (job: KnownJob): JobNews => ({ ...wordsOf(job), is: "completed" });

export interface Telling {
  statistics: Statistics;
  news: readonly JobNews[];
}

/**
 * A pool's figures now, and what changed since it was last told (which this notes). Nothing is assigned by GitHub here:
 * the oldest waiting jobs that fit into the capacity count as assigned, the others as held back.
 * @param mine jobs whose pool it is
 */
export function tell(
  mine: readonly KnownJob[],
  capacity: number,
  { ours, registered }: { ours: (runner: string) => boolean; registered: number },
): Telling {
  const waiting = mine.filter(({ is }) => is === "waiting").sort(oldestFirst);
  const running = mine.filter(({ is, runner }) => is === "running" && runner !== null && ours(runner)).length;
  const admitted = new Set(waiting.slice(0, Math.max(0, capacity - running)));
  const news = mine.flatMap((job) => newsOf(job, admitted));
  const busy = Math.min(running, registered);
  return {
    statistics: {
      available: waiting.length - admitted.size,
      acquired: admitted.size,
      assigned: admitted.size + running,
      running,
      registered,
      busy,
      idle: registered - busy,
    },
    news,
  };
}

const rank: Record<Told, number> = { nothing: 0, queued: 1, assigned: 2, started: 3, completed: 4 };

function newsOf(job: KnownJob, admitted: ReadonlySet<KnownJob>): JobNews[] {
  const steps: Exclude<Told, "nothing">[] =
    job.is === "waiting"
      ? [admitted.has(job) ? "assigned" : "queued"]
      : job.is === "running"
        ? ["started"]
        : job.is === "over"
          ? job.runner === null
            ? ["completed"]
            : ["started", "completed"]
          : [];
  return steps.flatMap((step) => {
    if (rank[step] <= rank[job.told]) return [];
    job.told = step;
    const runner = step === "started" || step === "completed" ? job.runner : null;
    const result = step === "completed" ? resultOf(job.conclusion) : null;
    return [{ ...wordsOf(job), is: step, runner, result }];
  });
}

const wordsOf = ({ id, name, run, createdMs }: KnownJob) => ({
  id,
  name,
  repository: run.repository,
  workflowRun: run.id,
  workflowRef: run.workflowRef,
  queuedMs: createdMs,
  assignedMs: null,
  runner: null,
  result: null,
});

/** REST's words in those of the scale set service. */
const results: Record<string, string> = {
  success: "succeeded",
  failure: "failed",
  timed_out: "failed",
  startup_failure: "failed",
  cancelled: "canceled",
  skipped: "canceled",
};
const resultOf = (conclusion: string | null) =>
  conclusion === null ? null : (results[conclusion] ?? conclusion);

const oldestFirst = (a: KnownJob, b: KnownJob) =>
  (a.createdMs ?? 0) - (b.createdMs ?? 0) || Number(a.id) - Number(b.id);
