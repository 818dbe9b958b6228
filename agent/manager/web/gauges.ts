/** Gauges of /metrics: each set of series is emptied and filled from the last world when somebody scrapes. */
import { Gauge, type Registry } from "prom-client";
import type { Deps } from "../deps.ts";
import { leaks } from "../leaks.ts";
import { defaultLimits } from "../limits.ts";
import type { WaitReason } from "../view.ts";
import type { Ms, PoolName, World } from "../world.ts";

type Refusals = Readonly<Record<PoolName, readonly WaitReason[]>>;

interface Moment {
  world: World;
  refusals: Refusals;
}
type Series = readonly (readonly [labels: Record<string, string>, value: number])[];

/** Circuits are as many as offers, subnets and quotas; a bound all the same. */
const circuitsMax = 500;

export function makeGauges(registers: Registry[], deps: Deps) {
  let latest: Moment | null = null;

  const gauge = (name: string, help: string, labelNames: string[], of: (moment: Moment, now: Ms) => Series) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.reset();
        if (!latest) return;
        for (const [labels, value] of of(latest, deps.clock.now())) this.set(labels, value);
      },
    });
  const perPool = (of: (world: World, pool: PoolName, now: Ms) => number) => (moment: Moment, now: Ms) =>
    pools(moment.world).map((pool) => [{ pool }, of(moment.world, pool, now)] as const);

  gauge("muster_machines", "Machines by stage.", ["pool", "stage"], machines);
  gauge(
    "muster_pool_max",
    "Most machines that the settings allow.",
    ["pool"],
    perPool((world, pool) => world.config.pools[pool]!.max),
  );
  gauge(
    "muster_jobs_waiting",
    "Jobs that GitHub assigned and no runner has yet.",
    ["pool"],
    perPool(waiting),
  );
  gauge(
    "muster_jobs_available",
    "Jobs that GitHub holds back until there is room.",
    ["pool"],
    perPool((world, pool) => world.demand[pool]?.statistics.available ?? 0),
  );
  gauge(
    "muster_jobs_running",
    "Jobs that run, as GitHub counts.",
    ["pool"],
    perPool((world, pool) => world.demand[pool]?.statistics.running ?? 0),
  );
  gauge(
    "muster_oldest_waiting_job_seconds",
    "Age of the job that has waited longest; 0 without any.",
    ["pool"],
    perPool(oldestWaitingSeconds),
  );
  gauge("muster_refused_jobs", "Waiting jobs that the plan could not serve.", ["pool", "reason"], refused);
  gauge(
    "muster_circuit_open",
    "1 while failures keep the manager from trying.",
    ["scope", "key", "reason"],
    circuits,
  );
  gauge(
    "muster_view_age_seconds",
    "Since a source was last heard; absent while it was never heard.",
    ["source"],
    viewAges,
  );
  gauge("muster_launches_in_doubt", "Launch calls whose answer was lost.", [], ({ world }) => [
    [{}, Object.values(world.launches).filter((launch) => launch.is === "unknown").length],
  ]);
  gauge(
    "muster_runner_records_leaked",
    "Runner records that GitHub keeps minutes after their machine was finished with.",
    ["pool"],
    leaked,
  );
  gauge(
    "muster_journal_writable",
    "0 while nothing is launched because the journal cannot be written.",
    [],
    ({ world }) => [[{}, world.journalWritable ? 1 : 0]],
  );
  gauge(
    "muster_draining",
    "1 while the manager launches nothing because it was told to drain.",
    [],
    ({ world }) => [[{}, world.draining ? 1 : 0]],
  );

  return {
    show(world: World, refusals: Refusals, _now: Ms): void {
      latest = { world, refusals };
    },
  };
}

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

function oldestWaitingSeconds(world: World, pool: PoolName, now: Ms): number {
  const since = Object.values(world.jobs)
    .filter((job) => job.pool === pool && (job.state === "queued" || job.state === "assigned"))
    .map((job) => job.queuedMs ?? job.assignedMs ?? job.seenMs);
  return since.length === 0 ? 0 : Math.max(0, now - Math.min(...since)) / 1000;
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

const circuits = ({ world }: Moment): Series =>
  Object.entries(world.circuits)
    .slice(0, circuitsMax)
    .map(([circuit, { reason }]) => {
      const colon = circuit.indexOf(":");
      return [{ scope: circuit.slice(0, colon), key: circuit.slice(colon + 1), reason }, 1];
    });

const viewAges = ({ world }: Moment, now: Ms): Series =>
  Object.entries(world.views).flatMap(([source, view]) =>
    view.is === "never" ? [] : [[{ source }, Math.max(0, now - view.atMs) / 1000] as const],
  );
