/** Gauges of /metrics: each set of series is emptied and filled from the last world when somebody scrapes. */
import { Gauge, type Registry } from "prom-client";
import type { Deps } from "../deps.ts";
import { leaks } from "../leaks.ts";
import { defaultLimits } from "../limits.ts";
import { isOpenLoss } from "../losses.ts";
import type { WaitReason } from "../view.ts";
import type { Ms, PoolName, World } from "../world.ts";
import { actionAges, ages } from "./ages.ts";
import type { ConnectTimes } from "./detail.ts";
import { detail } from "./detail-gauges.ts";
import { type GaugeName, metricTable } from "./metric-table.ts";

type Refusals = Readonly<Record<PoolName, readonly WaitReason[]>>;

/** What the gauges show of. */
export interface Moment {
  world: World;
  refusals: Refusals;
  /** When the plan was made. */
  plannedMs: Ms;
}
export type Series = readonly (readonly [labels: Record<string, string>, value: number])[];
type Of = (moment: Moment, now: Ms) => Series;

/** What is not in the world. */
export interface Beside {
  underWay(): Iterable<{ kind: string; sinceMs: Ms }>;
  connect(): ConnectTimes;
}

/** Circuits are as many as offers, subnets and quotas; a bound all the same. */
const circuitsMax = 500;

export function makeGauges(registers: Registry[], beside: Beside, deps: Deps) {
  let latest: Moment | null = null;
  // Every gauge of the table: one that is forgotten here does not compile.
  const all: Record<GaugeName, Of> = {
    ...figures,
    ...ages,
    ...detail(beside),
    muster_oldest_action_seconds: actionAges(beside),
  };
  for (const [name, of] of Object.entries(all) as [GaugeName, Of][]) {
    const { help, labels } = metricTable[name];
    new Gauge({
      name,
      help,
      labelNames: [...labels] as string[],
      registers,
      collect() {
        this.reset();
        if (!latest) return;
        for (const [values, value] of of(latest, deps.clock.now())) this.set(values, value);
      },
    });
  }
  return {
    show(world: World, refusals: Refusals, now: Ms): void {
      latest = { world, refusals, plannedMs: now };
    },
  };
}

const perPool =
  (of: (world: World, pool: PoolName, now: Ms) => number): Of =>
  ({ world }, now) =>
    pools(world).map((pool) => [{ pool }, of(world, pool, now)] as const);

/** A machine or job may outlive its pool's settings. */
export const settled = (pool: PoolName, world: World): string => (world.config.pools[pool] ? pool : "gone");

const pools = (world: World) => Object.keys(world.config.pools);

function machines({ world }: Moment): Series {
  const counts = new Map<string, number>();
  for (const { pool, stage } of Object.values(world.machines)) {
    const key = JSON.stringify({ pool: world.config.pools[pool] ? pool : "gone", stage });
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].map(([key, count]) => [JSON.parse(key) as Record<string, string>, count]);
}

function waiting(world: World, pool: PoolName): number {
  const demand = world.demand[pool];
  if (!demand) return 0;
  return Math.max(0, demand.statistics.assigned + demand.uncounted - demand.statistics.running);
}

/** Every pool has its figure: an alarm on one that is missing would be none. */
function leaked({ world }: Moment, now: Ms): Series {
  const counts = new Map(pools(world).map((pool) => [pool, 0]));
  for (const { pool } of leaks(world, now, defaultLimits)) {
    const name = counts.has(pool) ? pool : "gone";
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([pool, count]) => [{ pool }, count] as const);
}

function refused({ world, refusals }: Moment): Series {
  return pools(world).flatMap((pool) => {
    // Two offers may fail for one reason; the jobs they hold up are the same ones.
    const jobsOf = new Map<string, number>();
    for (const { reason, jobs } of refusals[pool] ?? [])
      jobsOf.set(reason, Math.max(jobs, jobsOf.get(reason) ?? 0));
    return [...jobsOf].map(([reason, jobs]) => [{ pool, reason }, jobs] as const);
  });
}

/** Every pool has its figures, for the same reason. */
function lostJobs({ world }: Moment): Series {
  const open = Object.values(world.losses).filter(isOpenLoss);
  return pools(world).flatMap((pool) =>
    (["rerun-waits", "rerun-refused"] as const).map((reason) => {
      const count = open.filter((loss) => loss.pool === pool && loss.reason === reason).length;
      return [{ pool, reason }, count] as const;
    }),
  );
}

function refusedPools({ world }: Moment): Series {
  return pools(world).flatMap((pool) => {
    const reasons = new Set((world.access[pool]?.refusals ?? []).map(({ reason }) => reason));
    return [...reasons].map((reason) => [{ pool, reason }, 1] as const);
  });
}

const circuits = ({ world }: Moment): Series =>
  Object.entries(world.circuits)
    .slice(0, circuitsMax)
    .map(([circuit, { reason }]) => {
      const colon = circuit.indexOf(":");
      return [{ scope: circuit.slice(0, colon), key: circuit.slice(colon + 1), reason }, 1];
    });

const figures = {
  muster_machines: machines,
  muster_pool_max: perPool((world, pool) => world.config.pools[pool]!.max),
  muster_jobs_waiting: perPool(waiting),
  muster_jobs_available: perPool((world, pool) => world.demand[pool]?.statistics.available ?? 0),
  muster_jobs_running: perPool((world, pool) => world.demand[pool]?.statistics.running ?? 0),
  muster_lost_jobs: lostJobs,
  muster_refused_jobs: refused,
  muster_circuit_open: circuits,
  muster_launches_in_doubt: ({ world }: Moment): Series => [
    [{}, Object.values(world.launches).filter((launch) => launch.is === "unknown").length],
  ],
  muster_runner_records_leaked: leaked,
  muster_journal_writable: ({ world }: Moment): Series => [[{}, world.journalWritable ? 1 : 0]],
  muster_pool_refused: refusedPools,
  muster_credential_expires_seconds: ({ world: { credential } }: Moment, now: Ms): Series =>
    credential?.expiresMs == null
      ? []
      : [[{ kind: credential.kind }, Math.floor((credential.expiresMs - now) / 1000)]],
  muster_draining: ({ world }: Moment): Series => [[{}, world.draining ? 1 : 0]],
};
