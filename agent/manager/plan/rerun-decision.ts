/**
 * What to re-run of a run now, from what GitHub tells of it. Pure. A job is run again at most once, whoever runs it again;
 * never one that deploys, nor one after which something deployed: a deployment made twice is harm that we did.
 */
import type { Loss, RerunCall, SeenJob, SeenRun, Verdict } from "../losses.ts";
import { isOpenLoss } from "../losses.ts";
import type { Ms } from "../world.ts";

export interface RerunQuestion {
  /** Null: GitHub knows no such run (any more). */
  run: SeenRun | null;
  /** Every loss of this run, decided ones included. */
  losses: readonly Loss[];
  /** Since when the journal is complete: a re-run before may have been forgotten. */
  rememberedMs: Ms;
}
export interface RerunDecision {
  /** One for each open loss. */
  verdicts: readonly Verdict[];
  /** To be sent now; the losses in it have the verdict `rerun-waits`. */
  call: RerunCall | null;
}

const isGood = (conclusion: string | null) =>
  conclusion === "success" || conclusion === "skipped" || conclusion === "neutral";

export function decideRerun({ run, losses, rememberedMs }: RerunQuestion): RerunDecision {
  const open = losses.filter(isOpenLoss).sort((a, b) => a.lostMs - b.lostMs || (a.id < b.id ? -1 : 1));
  if (run === null) return all(open, "rerun-left", "its run was deleted, or this login may not see it");
  if (!run.completed) return all(open, "rerun-waits", "it is run again once its workflow run has ended");
  const eligible: { loss: Loss; job: SeenJob; ids: ReadonlySet<number> }[] = [];
  const verdicts = open.map((loss): Verdict => {
    const found = judge(run, loss, losses, rememberedMs);
    if (!("job" in found)) return { id: loss.id, ...found };
    eligible.push({ loss, ...found });
    const detail = "it is run again as soon as GitHub takes it";
    return { id: loss.id, name: found.job.name, reason: "rerun-waits", detail };
  });
  return { verdicts, call: callFor(run, eligible) };
}

const all = (open: readonly Loss[], reason: Verdict["reason"], detail: string): RerunDecision => ({
  verdicts: open.map(({ id }) => ({ id, name: null, reason, detail })),
  call: null,
});

type Judged = Omit<Verdict, "id"> | { job: SeenJob; ids: ReadonlySet<number> };

function judge(run: SeenRun, loss: Loss, losses: readonly Loss[], rememberedMs: Ms): Judged {
  const mine = run.jobs.filter(({ runner }) => runner === loss.id).sort((a, b) => a.attempt - b.attempt);
  const job = mine.at(-1);
  const name = job?.name ?? loss.name;
  const say = (reason: Verdict["reason"], detail: string) => ({ name: job?.name ?? null, reason, detail });
  const left = (detail: string) => say("rerun-left", detail);
  // A later attempt shows what it took over with the runner that it ran on; anything else of that name is a re-run.
  if ((job?.attempt ?? 0) < run.attempt) {
    const newer = run.jobs.some(
      (one) =>
        one.name === name && one.attempt > (job?.attempt ?? 0) && one.attempt > 1 && one.runner !== loss.id,
    );
    if (newer && loss.askedMs !== null) return say("rerun-made", "it was run again");
    if (newer) return left("somebody ran it again already");
  }
  if (job === undefined)
    return run.whole
      ? left("GitHub names no job of its runner in this run")
      : say("rerun-waits", "GitHub does not list all jobs of its run");
  if (job.conclusion === null) return say("rerun-waits", "it is run again once GitHub calls it ended");
  if (isGood(job.conclusion)) return left(`GitHub calls it ${job.conclusion} all the same`);
  if (isCancelled(run, losses)) return left("somebody cancelled its run");
  if (isAgain(loss, name, losses)) return left("it was lost again in its re-run, and is run again only once");
  if (isForgotten(run, mine[0]!, rememberedMs))
    return left("it may have been run again before the journal was lost, and is run again only once");
  if (typeof run.deployed === "string") return say("rerun-refused", run.deployed);
  const ids = new Set(mine.map(({ id }) => id));
  if (deploys(run.deployed, ids)) return left("it has an environment: nothing is deployed twice");
  if (deployedAfter(run, run.deployed, mine[0]!))
    return left("a job after it has deployed, and would again if it depends on it");
  return { job, ids };
}

const deploys = (deployed: ReadonlySet<number>, ids: ReadonlySet<number>) =>
  [...ids].some((id) => deployed.has(id));

const deployedAfter = ({ jobs }: SeenRun, deployed: ReadonlySet<number>, job: SeenJob) =>
  jobs.some(
    ({ id, startedMs }) =>
      deployed.has(id) && (startedMs === null || job.completedMs === null || startedMs >= job.completedMs),
  );

/** What was canceled although nothing of ours took its machine was canceled by somebody. */
const isCancelled = ({ conclusion, jobs, attempt }: SeenRun, losses: readonly Loss[]) =>
  conclusion === "cancelled" &&
  jobs.some(
    (job) =>
      job.attempt === attempt &&
      job.conclusion === "cancelled" &&
      !losses.some(({ id }) => id === job.runner),
  );

/** A run begins again only when all its jobs are over: what was lost after that is of a later attempt. */
const isAgain = (loss: Loss, name: string, losses: readonly Loss[]) =>
  losses.some(
    (other) =>
      other.id !== loss.id && other.name === name && other.askedMs !== null && other.askedMs <= loss.lostMs,
  );

const isForgotten = ({ jobs }: SeenRun, first: SeenJob, rememberedMs: Ms) =>
  jobs.some(
    ({ name, attempt, runner, completedMs }) =>
      name === first.name &&
      attempt < first.attempt &&
      runner !== first.runner &&
      (completedMs === null || completedMs < rememberedMs),
  );

/** One call for everything where all that failed is ours; else job by job, the first lost first. */
function callFor(
  run: SeenRun,
  eligible: readonly { loss: Loss; job: SeenJob; ids: ReadonlySet<number> }[],
): RerunCall | null {
  const first = eligible[0];
  if (first === undefined || typeof run.deployed === "string") return null;
  const { deployed } = run;
  const others = run.jobs.filter(
    (job) =>
      job.attempt === run.attempt &&
      !isGood(job.conclusion) &&
      !eligible.some(({ ids, job: own }) => ids.has(job.id) || own.id === job.id),
  );
  // What was canceled beside them fell with them (fail-fast).
  const alone = others.every(({ id, conclusion }) => conclusion === "cancelled" && !deployed.has(id));
  // An attempt that does not list what it took over tells nothing of the rest.
  const listed = eligible.every(({ job }) => job.attempt === run.attempt);
  if (run.whole && alone && listed) return { do: "failed", losses: eligible.map(({ loss }) => loss.id) };
  return { do: "job", job: first.job.id, losses: [first.loss.id] };
}
