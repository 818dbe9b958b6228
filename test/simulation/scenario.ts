/** Swarm: what one seed stands for. Few machines and small limits: bugs sit in combinations, not in numbers. */
import { assertLimits, defaultLimits, type Limits } from "../../agent/manager/limits.ts";
import type { BackendConfig, ManagerConfig, PoolConfig } from "../../agent/manager-config.ts";
import type { Offer } from "../../agent/manager/world.ts";
import { config } from "../agent/manager/worlds.ts";
import { allKinds, type FaultKind, type FaultPlan } from "./faults.ts";
import type { JobWish } from "./fakes/jobs.ts";
import { prng, type Prng } from "./prng.ts";

export interface BackendPlan {
  name: string;
  offers: readonly Offer[];
  consistent: boolean;
  /** Who names its machines. */
  names: "request" | "own";
  ending: "power-off" | "exit";
}
export interface Scenario {
  seed: number;
  pools: Record<string, Partial<PoolConfig>>;
  backends: readonly BackendPlan[];
  /** Millionths per hour; null: no budget. */
  budgetMicros: number | null;
  limits: Limits;
  faults: FaultPlan;
  jobs: readonly (JobWish & { atMs: number })[];
}
/** Kinds that mean nothing without another. */
const needs: Partial<Record<FaultKind, FaultKind>> = {
  "journal-lost": "crash",
  "journal-old": "crash",
  "clock-jump": "crash",
};
const minute = 60_000;

/**
 * @param only draws from these fault kinds alone, for swarms that look for one thing
 * @param naming who names the machines of the first backend, the cloud; nothing else of the scenario depends on it
 */
export function drawScenario(
  seed: number,
  only: readonly FaultKind[] = allKinds,
  naming: BackendPlan["names"] = "request",
): Scenario {
  const random = prng(seed).split("scenario");
  const backends = drawBackends(random, naming);
  const names = ["a", "b", "c"].slice(0, 1 + random.below(3));
  const pools = Object.fromEntries(names.map((name) => [name, drawPool(random, backends)]));
  return {
    seed,
    pools,
    backends,
    budgetMicros: drawBudget(random, backends),
    limits: drawLimits(random),
    faults: drawFaults(random.split("faults"), only),
    jobs: drawJobs(seed, names),
  };
}

/** A backend as a pool's settings name it. */
export const entry = (name: string) => ({ kind: name }) as unknown as BackendConfig;

export const settingsOf = ({
  pools,
  budgetMicros,
}: Pick<Scenario, "pools" | "budgetMicros">): ManagerConfig => config(pools, budgetMicros);

function drawBackends(random: Prng, naming: BackendPlan["names"]): BackendPlan[] {
  const offer = (backend: string, market: string, priceMicros: number): Offer => ({
    ...{ key: `${backend}:${market}`, backend, priceMicros, scopes: [] },
  });
  const alpha = [offer("alpha", "spot", 30_000), offer("alpha", "on-demand", 100_000)];
  return [
    {
      name: "alpha",
      consistent: false,
      names: naming,
      ending: "power-off",
      offers: random.chance(0.7) ? alpha : alpha.slice(1),
    },
    {
      name: "beta",
      consistent: random.chance(0.5),
      names: "request",
      ending: "exit",
      offers: [offer("beta", "host", random.pick([0, 50_000]))],
    },
  ];
}

function drawPool(random: Prng, backends: readonly BackendPlan[]): Partial<PoolConfig> {
  const used = random.shuffled(backends).slice(0, 1 + random.below(backends.length));
  return {
    max: 1 + random.below(4),
    minIdle: random.chance(0.3) ? 1 : 0,
    reuse: random.chance(0.4),
    idleTimeoutSeconds: random.pick([5, 30, 120]),
    maxJobSeconds: random.chance(0.1) ? 60 : 900,
    backends: used.map(({ name }) => entry(name)),
  };
}

function drawBudget(random: Prng, backends: readonly BackendPlan[]): number | null {
  if (random.chance(0.5)) return null;
  const prices = backends.flatMap(({ offers }) => offers.map(({ priceMicros }) => priceMicros));
  return random.chance(0.1) ? 20_000 : Math.max(...prices) * (1 + random.below(4));
}

function drawLimits(random: Prng): Limits {
  const limits = {
    ...defaultLimits,
    launchBatchMax: random.pick([1, 3, 100]),
    machinesMax: random.pick([6, 16, 2_000]),
    mapsMax: random.pick([8, 64, 10_000]),
    actionsPerPlanMax: random.pick([100, 200]),
    syncHeldMax: random.pick([1, 300]),
    prepareDeadlineMs: 10 * minute,
    journalBytes: 64 * 1024,
    journalReserveBytes: 16 * 1024,
  };
  assertLimits(limits);
  return limits;
}

function drawFaults(random: Prng, only: readonly FaultKind[]): FaultPlan {
  if (random.chance(0.1)) return {};
  const share = random.pick([0.1, 0.25, 0.5]);
  const kinds = new Set(only.filter(() => random.chance(share)));
  if (kinds.size === 0) kinds.add(random.pick(only));
  for (const kind of kinds) {
    const needed = needs[kind];
    if (needed) kinds.add(needed);
  }
  const weight = () => ({
    probability: random.pick([0.05, 0.2, 0.5, 0.9]),
    stabilityMs: random.pick([10_000, minute, 5 * minute]),
  });
  return Object.fromEntries([...kinds].sort().map((kind) => [kind, weight()]));
}

/** A job's fate follows from seed and index alone. */
export function jobOf(seed: number, index: number, pools: readonly string[]): JobWish {
  const random = prng(seed).split(`job ${index}`);
  return {
    id: `job-${index}`,
    // Runs of one or two jobs.
    run: 1 + (index >> 1),
    pool: random.pick(pools),
    durationMs: random.chance(0.2) ? random.ms(50, 500) : random.ms(1_000, 2 * minute),
    cancelAfterMs: random.ms(0, minute),
  };
}

function drawJobs(seed: number, pools: readonly string[]): Scenario["jobs"] {
  const random = prng(seed).split("arrivals");
  const jobs: (JobWish & { atMs: number })[] = [];
  let atMs = random.ms(0, 10_000);
  for (let round = 2 + random.below(5); round > 0; round--) {
    for (let n = 1 + random.below(4); n > 0; n--) jobs.push({ ...jobOf(seed, jobs.length, pools), atMs });
    atMs += random.pick([random.ms(0, 5_000), random.ms(5_000, 3 * minute)]);
  }
  return jobs;
}
