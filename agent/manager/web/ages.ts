/** Ages of what has not ended, beside the histograms of what has: metric-table.ts says which beside which. */
import type { Job, Machine, Ms, PoolName, World } from "../world.ts";
import { isAlive } from "../world.ts";
import type { Beside, Moment, Series } from "./gauges.ts";

const seconds = (sinceMs: Ms, now: Ms) => Math.max(0, now - sinceMs) / 1000;
/** 0 without any: a series that vanishes cannot be told from a manager that is silent. */
const oldest = (since: readonly Ms[], now: Ms) =>
  since.reduce((most, ms) => Math.max(most, seconds(ms, now)), 0);

/** For each pool the age of the oldest of what `since` picks; null: not one of them. */
const machineAges =
  (since: (machine: Machine, world: World) => Ms | null) =>
  ({ world }: Moment, now: Ms): Series =>
    Object.keys(world.config.pools).map((pool) => {
      const all = Object.values(world.machines).filter((machine) => machine.pool === pool);
      const picked = all.map((machine) => since(machine, world)).filter((ms) => ms !== null);
      return [{ pool }, oldest(picked, now)];
    });

/** Since when each waiting job of a pool waits, the oldest first. */
function waitingSince(world: World, pool: PoolName): Ms[] {
  const waits = ({ state }: Job) => state === "queued" || state === "assigned";
  return Object.values(world.jobs)
    .filter((job) => job.pool === pool && waits(job))
    .map((job) => job.queuedMs ?? job.assignedMs ?? job.seenMs)
    .sort((a, b) => a - b);
}

const jobAges =
  (pick: (world: World, pool: PoolName) => readonly Ms[]) =>
  ({ world }: Moment, now: Ms): Series =>
    Object.keys(world.config.pools).map((pool) => [{ pool }, oldest(pick(world, pool), now)]);

/** Runners that listen are for the oldest; what is left waits for one. */
function unstartedSince(world: World, pool: PoolName): Ms[] {
  const listening = Object.values(world.machines).filter(
    (machine) => machine.pool === pool && machine.stage === "listening",
  ).length;
  return waitingSince(world, pool).slice(listening);
}

function launchAges({ world }: Moment, now: Ms): Series {
  const backends = new Set(Object.values(world.offers).flatMap((all) => all.map(({ backend }) => backend)));
  const open = Object.values(world.launches).filter(({ is }) => is !== "settled");
  return [...backends].map((backend) => {
    const since = open.filter((launch) => launch.backend === backend).map(({ askedMs }) => askedMs);
    return [{ backend }, oldest(since, now)];
  });
}

export const ages = {
  muster_oldest_waiting_job_seconds: jobAges(waitingSince),
  muster_oldest_unstarted_job_seconds: jobAges(unstartedSince),
  muster_longest_running_job_seconds: jobAges((world, pool) =>
    Object.values(world.jobs)
      .filter((job) => job.pool === pool && job.state === "running")
      .map((job) => job.startedMs ?? job.seenMs),
  ),
  muster_oldest_launch_seconds: launchAges,
  muster_oldest_booting_machine_seconds: machineAges(({ stage, askedMs }) =>
    stage === "asked" || stage === "starting" ? askedMs : null,
  ),
  muster_oldest_registration_seconds: machineAges(({ stage, stageMs, registration }) =>
    stage === "registered" ? (registration?.askedMs ?? stageMs) : null,
  ),
  muster_oldest_removal_seconds: machineAges((machine) => (isAlive(machine) ? null : machine.stageMs)),
  muster_oldest_sync_seconds: machineAges((machine, world) =>
    isAlive(machine) && machine.enrolledMs !== null
      ? (world.reports[machine.id]?.atMs ?? machine.enrolledMs)
      : null,
  ),
  muster_plan_age_seconds: ({ plannedMs }: Moment, now: Ms): Series => [[{}, seconds(plannedMs, now)]],
  muster_view_age_seconds: ({ world }: Moment, now: Ms): Series =>
    Object.entries(world.views).flatMap(([source, view]) =>
      view.is === "never" ? [] : [[{ source }, seconds(view.atMs, now)] as const],
    ),
};

/** By kind, of which there are as many as actions.ts has. */
export const actionAges =
  ({ underWay }: Pick<Beside, "underWay">) =>
  (_moment: Moment, now: Ms): Series => {
    const since = new Map<string, Ms>();
    for (const { kind, sinceMs } of underWay())
      since.set(kind, Math.min(sinceMs, since.get(kind) ?? Infinity));
    return [...since].map(([kind, ms]) => [{ kind }, seconds(ms, now)]);
  };
