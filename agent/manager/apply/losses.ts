/** Jobs that a cloud took the machine from: noted, named by GitHub, looked at, run again or left. */
import type { Limits } from "../limits.ts";
import type { Fact, JobNews } from "../facts.ts";
import { isOpenLoss, type Loss, type Verdict } from "../losses.ts";
import type { Machine, Ms, World } from "../world.ts";
import { isAlive } from "../world.ts";

type Of<K extends Fact["is"]> = Extract<Fact, { is: K }>;
type Losses = World["losses"];

/** The job of a machine that its cloud says it took away; null: it had none, or none that can have been lost with it. */
export function lossOf(machine: Machine, why: string, world: World, now: Ms, limits: Limits): Loss | null {
  const { job, pool, id } = machine;
  if (job === null || world.config.pools[pool]?.rerun !== "once") return null;
  const known =
    job.jobId === null || !Object.hasOwn(world.jobs, job.jobId) ? undefined : world.jobs[job.jobId];
  if (known?.result === "succeeded") return null;
  const endedMs = known?.completedMs ?? job.completedMs;
  // Its end was heard while its machine was still there: only just before, it can have been the machine's doing.
  const heardMs = world.reports[id]?.atMs ?? -Infinity;
  const before = endedMs !== null && heardMs >= endedMs && now - endedMs > limits.lossWindowMs;
  const wentOn = endedMs !== null && isAlive(machine) && machine.stage !== "busy";
  if (before || wentOn) return null;
  const from = job.from ?? (known && fromOf(known)) ?? null;
  return {
    id: job.runner,
    pool,
    machine: id,
    why,
    lostMs: now,
    name: job.name,
    jobId: job.jobId,
    repository: from?.repository ?? null,
    run: from?.run ?? null,
    reason: "rerun-waits",
    detail: "it is run again once its workflow run has ended",
    sinceMs: now,
    askedMs: null,
    sends: 0,
    lookMs: now + limits.rerunPauseMs,
    looks: 0,
  };
}

/** Where a job is from, if GitHub said. */
export function fromOf({
  repository,
  workflowRun,
}: Pick<JobNews, "repository" | "workflowRun">): { repository: string; run: number } | null {
  return workflowRun > 0 && repository.includes("/") ? { repository, run: workflowRun } : null;
}

/** The world with these losses added; one that is known stays as it is. */
export function withLosses(world: World, fresh: readonly Loss[]): World {
  const added = fresh.filter(({ id }) => !Object.hasOwn(world.losses, id));
  if (added.length === 0) return world;
  return {
    ...world,
    losses: { ...world.losses, ...Object.fromEntries(added.map((loss) => [loss.id, loss])) },
  };
}

/** GitHub's messages name the job of a lost runner, and whatever ends in a run may be what it waited for. */
export function newsOfLosses(losses: Losses, news: readonly JobNews[], now: Ms, limits: Limits): Losses {
  let next = losses;
  const put = (loss: Loss) => (next = { ...next, [loss.id]: loss });
  for (const item of news) {
    if (item.is !== "started" && item.is !== "completed") continue;
    const own = item.runner !== null && Object.hasOwn(next, item.runner) ? next[item.runner] : undefined;
    if (own && isOpenLoss(own) && own.run === null) {
      const from = fromOf(item);
      put({
        ...own,
        name: item.name,
        jobId: item.id,
        repository: from?.repository ?? null,
        run: from?.run ?? null,
      });
    }
    if (item.is !== "completed") continue;
    for (const loss of Object.values(next)) {
      const its = loss.run === item.workflowRun && loss.repository === item.repository;
      // A call that is out or in doubt gets its time.
      if (!its || !isOpenLoss(loss) || loss.sends > 0) continue;
      const lookMs = now + limits.rerunNewsMs;
      if (lookMs < loss.lookMs) put({ ...loss, looks: 0, lookMs });
    }
  }
  return next;
}

const pauseMs = (looks: number, { rerunPauseMs, rerunPauseMsMax }: Limits): Ms =>
  Math.min(rerunPauseMsMax, rerunPauseMs * 2 ** Math.min(looks, 20));

function changed(world: World, ids: readonly string[], change: (loss: Loss) => Loss): World {
  const known = ids.flatMap((id) => (Object.hasOwn(world.losses, id) ? [world.losses[id]!] : []));
  const open = known.filter(isOpenLoss);
  if (open.length === 0) return world;
  return {
    ...world,
    losses: { ...world.losses, ...Object.fromEntries(open.map((loss) => [loss.id, change(loss)])) },
  };
}

const judged = (loss: Loss, reason: Verdict["reason"], detail: string, now: Ms): Loss => ({
  ...loss,
  reason,
  detail,
  sinceMs: reason === loss.reason ? loss.sinceMs : now,
});

/** A look at the run came back. */
export function rerunJudged(world: World, { verdicts }: Of<"rerun-judged">, now: Ms, limits: Limits): World {
  const of = new Map(verdicts.map((verdict) => [verdict.id, verdict]));
  const next = changed(world, [...of.keys()], (loss) => {
    const { name, reason, detail } = of.get(loss.id)!;
    const named = { ...loss, name: name ?? loss.name };
    const late = now - loss.lostMs > limits.rerunWaitMsMax && reason !== "rerun-made";
    if (late) return judged(named, "rerun-left", "GitHub runs nothing again that began a month ago", now);
    const looked = judged(named, reason, detail, now);
    const pause = reason === "rerun-refused" ? limits.rerunRefusedMs : pauseMs(loss.looks, limits);
    return isOpenLoss(looked) ? { ...looked, looks: loss.looks + 1, lookMs: now + pause } : looked;
  });
  return tidied(next, now, limits);
}

/** A look, or a call, failed. `certain`: whatever was sent had no effect. */
export function rerunFailed(world: World, fact: Of<"rerun-failed">, now: Ms, limits: Limits): World {
  const { losses, failure, certain, busy } = fact;
  return changed(world, losses, (loss) => {
    const sends = certain && fact.sent ? Math.max(0, loss.sends - 1) : loss.sends;
    const askedMs = sends === 0 ? null : loss.askedMs;
    const pause = isRefusal(failure.reason) && !busy ? limits.rerunRefusedMs : pauseMs(loss.looks, limits);
    const refused = isRefusal(failure.reason) && !busy;
    const next = judged(
      { ...loss, sends, askedMs },
      refused ? "rerun-refused" : "rerun-waits",
      busy ? "it is run again once its workflow run has ended" : failure.detail,
      now,
    );
    const late = now - loss.lostMs > limits.rerunWaitMsMax;
    if (late)
      return judged(next, "rerun-left", `GitHub did not take its re-run for a month: ${failure.detail}`, now);
    const settleMs = sends > 0 ? limits.rerunSettleMs : 0;
    const lookMs = now + Math.max(pause, settleMs, failure.retryAfterMs ?? 0);
    return { ...next, looks: loss.looks + 1, lookMs };
  });
}

const isRefusal = (reason: string) => reason === "denied" || reason === "bad-request";

/** Journalled before the call leaves. */
export const rerunAsked = (world: World, { losses }: Of<"rerun-asked">, now: Ms, limits: Limits): World =>
  changed(world, losses, (loss) => ({
    ...loss,
    askedMs: loss.askedMs ?? now,
    sends: loss.sends + 1,
    lookMs: now + limits.rerunSettleMs,
  }));

/** GitHub took it. */
export const rerunMade = (world: World, { losses }: Of<"rerun-made">, now: Ms): World =>
  changed(world, losses, (loss) => judged(loss, "rerun-made", "it was run again", now));

/** New settings: a pool that is gone or says `never` re-runs nothing. */
export function withoutUnwanted(world: World, now: Ms): World {
  const ids = Object.values(world.losses)
    .filter(({ pool }) => world.config.pools[pool]?.rerun !== "once")
    .map(({ id }) => id);
  const detail = (pool: string) =>
    world.config.pools[pool] ? "its pool says rerun: never" : "its pool is no longer in the settings";
  return changed(world, ids, (loss) => judged(loss, "rerun-left", detail(loss.pool), now));
}

/**
 * Forgets what is long over: a job that was run again is remembered for as long as that re-run may be lost in turn. One of which
 * GitHub never named the run cannot be run again.
 */
export function tidied(world: World, now: Ms, limits: Limits): World {
  const all = Object.values(world.losses);
  const nameless = all.filter(
    (loss) => isOpenLoss(loss) && loss.run === null && now - loss.lostMs > limits.lossUnnamedMs,
  );
  const next = changed(
    world,
    nameless.map(({ id }) => id),
    (loss) => judged(loss, "rerun-left", "GitHub never named the run that its runner served", now),
  );
  const kept = Object.values(next.losses).filter(
    (loss) => isOpenLoss(loss) || now - loss.sinceMs < limits.lossKeptMs,
  );
  if (kept.length === all.length && all.length <= limits.mapsMax) return next;
  const newest = kept
    .sort((a, b) => Number(isOpenLoss(b)) - Number(isOpenLoss(a)) || b.sinceMs - a.sinceMs)
    .slice(0, limits.mapsMax);
  return { ...next, losses: Object.fromEntries(newest.map((loss) => [loss.id, loss])) };
}
