/** What one pool needs and has, as numbers. */
import type { Access, Machine, PoolName } from "../world.ts";
import { isAlive } from "../world.ts";
import type { Draft } from "./draft.ts";

export interface PoolFigures {
  pool: PoolName;
  /** GitHub's figures are recent enough to launch and register by. */
  fresh: boolean;
  /** Why they are not; empty when fresh. */
  why: string;
  /** Jobs assigned to this pool that no machine has started. */
  waiting: number;
  /** All jobs that GitHub calls this pool's, running ones included. */
  assigned: number;
  running: number;
  /** Jobs that GitHub still holds back because of the capacity we sent. */
  available: number;
  /** Jobs GitHub calls running although no machine of ours runs them (their machine is gone). */
  stranded: number;
  /** Machines that exist or may exist and are not finished with: what `max` limits. */
  alive: readonly Machine[];
  /** Those of them that will serve a waiting job: on their way, waiting, registered or listening. */
  coming: readonly Machine[];
  /** Unregistered machines of old settings; they end once others stand in for them. */
  outdated: readonly Machine[];
  /** Registered for a job that has not come yet. */
  committed: readonly Machine[];
  busy: readonly Machine[];
  /** Why the pool must not be used, whatever waits; null: nothing is against it. */
  refused: Access["refusals"][number] | null;
}

const onItsWay = new Set(["asked", "starting", "enrolled", "registered", "listening"]);

export function poolFigures(paper: Draft, pool: PoolName, machines: readonly Machine[]): PoolFigures {
  const { world, now, limits } = paper;
  const view = world.views[`demand:${pool}`] ?? {
    is: "never",
    why: "GitHub has not been heard for this pool yet",
  };
  const tooOld = view.is === "fresh" && now - view.atMs > limits.demandFreshMs;
  const statistics = world.demand[pool]?.statistics;
  const alive = machines.filter(isAlive);
  const busy = alive.filter(({ stage }) => stage === "busy");
  // An unregistered machine of old settings is replaced: it stands for nobody.
  const old = ({ stage, recipe, registration }: Machine) =>
    stage === "enrolled" && registration === null && recipe !== world.recipes[pool];
  const coming = alive.filter((machine) => onItsWay.has(machine.stage) && !machine.spent && !old(machine));
  // Machines that already run a job which GitHub's figures may still call waiting.
  const early = machines.filter(
    ({ job, spent }) =>
      job !== null &&
      // Of one that nobody remembers the job began long ago, as GitHub knows.
      !spent &&
      !job.startedAtGitHub &&
      job.completedMs === null &&
      !paper.due(job.startedMs + limits.startConfirmMs),
  ).length;
  const queued = statistics
    ? Math.max(0, statistics.assigned - statistics.running) + (world.demand[pool]?.uncounted ?? 0)
    : 0;
  const confirmed = machines.filter(
    ({ job, stage }) => stage === "busy" && job?.startedAtGitHub === true && job.completedMs === null,
  ).length;
  return {
    pool,
    fresh: view.is === "fresh" && !tooOld,
    why: view.is !== "fresh" ? view.why : tooOld ? "GitHub has not been heard for too long" : "",
    waiting: Math.max(0, queued - early),
    assigned: (statistics?.assigned ?? 0) + (world.demand[pool]?.uncounted ?? 0),
    running: statistics?.running ?? 0,
    available: statistics?.available ?? 0,
    stranded: Math.max(0, (statistics?.running ?? 0) - Math.max(confirmed, busy.length)),
    alive,
    coming,
    outdated: alive.filter((machine) => !machine.spent && old(machine)),
    committed: alive.filter(
      ({ stage, spent }) => (stage === "registered" || stage === "listening") && !spent,
    ),
    busy,
    refused: world.access[pool]?.refusals[0] ?? null,
  };
}
