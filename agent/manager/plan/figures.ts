/** What one pool needs and has, as numbers. */
import type { Limits } from "../limits.ts";
import type { Machine, Ms, PoolName, World } from "../world.ts";
import { isAlive } from "../world.ts";

export interface PoolFigures {
  /** GitHub's figures are recent enough to launch and register by. */
  fresh: boolean;
  /** Why they are not; empty when fresh. */
  why: string;
  /** Jobs assigned to this pool that no machine has started. */
  waiting: number;
  running: number;
  /** Jobs that GitHub still holds back because of the capacity we sent. */
  available: number;
  /** Jobs GitHub calls running although no machine of ours runs them (their machine is gone). */
  stranded: number;
  /** Machines that exist or may exist and are not finished with: what `max` limits. */
  alive: readonly Machine[];
  /** Those of them that will serve a waiting job: on their way, waiting, registered or listening. */
  coming: readonly Machine[];
  /** Registered for a job that has not come yet. */
  committed: readonly Machine[];
  busy: readonly Machine[];
}

const onItsWay = new Set(["asked", "starting", "enrolled", "registered", "listening"]);

export function poolFigures(
  world: World,
  pool: PoolName,
  machines: readonly Machine[],
  now: Ms,
  limits: Limits,
): PoolFigures {
  const view = world.views[`demand:${pool}`] ?? {
    is: "never",
    why: "GitHub has not been heard for this pool yet",
  };
  const tooOld = view.is === "fresh" && now - view.atMs > limits.demandFreshMs;
  const statistics = world.demand[pool]?.statistics;
  const alive = machines.filter(isAlive);
  const busy = alive.filter(({ stage }) => stage === "busy");
  const coming = alive.filter(({ stage, spent }) => onItsWay.has(stage) && !spent);
  // Machines that already run a job which GitHub's figures may still call waiting.
  const early = machines.filter(
    ({ job }) =>
      job !== null &&
      !job.startedAtGitHub &&
      job.completedMs === null &&
      now - job.startedMs < limits.startConfirmMs,
  ).length;
  const queued = statistics
    ? Math.max(0, statistics.assigned - statistics.running) + (world.demand[pool]?.uncounted ?? 0)
    : 0;
  const confirmed = machines.filter(
    ({ job, stage }) => stage === "busy" && job?.startedAtGitHub === true && job.completedMs === null,
  ).length;
  return {
    fresh: view.is === "fresh" && !tooOld,
    why: view.is !== "fresh" ? view.why : tooOld ? "GitHub has not been heard for too long" : "",
    waiting: Math.max(0, queued - early),
    running: statistics?.running ?? 0,
    available: statistics?.available ?? 0,
    stranded: Math.max(0, (statistics?.running ?? 0) - Math.max(confirmed, busy.length)),
    alive,
    coming,
    committed: alive.filter(
      ({ stage, spent }) => (stage === "registered" || stage === "listening") && !spent,
    ),
    busy,
  };
}
