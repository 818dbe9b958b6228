/** Builders of worlds for tests: small ones by hand, arbitrary ones by fast-check. */
import fc from "fast-check";
import type { ManagerConfig, PoolConfig } from "../../../agent/manager-config.ts";
import type { Loss } from "../../../agent/manager/losses.ts";
import type {
  Circuit,
  Demand,
  Machine,
  Offer,
  Report,
  Stage,
  View,
  World,
} from "../../../agent/manager/world.ts";
import { newMachine } from "../../../agent/manager/world.ts";

export const now = 1_800_000_000_000;

export const poolConfig = (over: Partial<PoolConfig> = {}): PoolConfig => ({
  labels: ["self-hosted", "linux"],
  max: 4,
  minIdle: 0,
  idleTimeoutSeconds: 300,
  maxJobSeconds: 21_600,
  reuse: false,
  gpu: null,
  runnerGroup: "Default",
  publicRepositories: "refuse",
  shareLabels: false,
  rerun: "once",
  backends: [{ kind: "local" }],
  ...over,
});

export const config = (
  pools: Record<string, Partial<PoolConfig>> = { a: {} },
  budgetMicros: number | null = null,
): ManagerConfig => ({
  version: 1,
  stack: { project: "muster", name: "test" },
  github: { url: "http://127.0.0.1:1/acme/widgets", login: { kind: "token" }, source: "auto" },
  pools: Object.fromEntries(Object.entries(pools).map(([name, over]) => [name, poolConfig(over)])),
  budget:
    budgetMicros === null ? null : { microsPerHour: budgetMicros, baseMicrosPerHour: 0, currency: "USD" },
  manager: {
    port: 7117,
    directory: "/nowhere",
    socket: "/nowhere/control.sock",
    managerBundle: { path: "/nowhere/m.mjs", sha256: "0".repeat(64) },
    runnerBundle: { path: "/nowhere/r.mjs", sha256: "0".repeat(64) },
    drainTimeoutSeconds: 600,
    readable: [],
    hidden: [],
    unconfined: true,
    agents: null,
  },
});

export const offer = (over: Partial<Offer> = {}): Offer => ({
  key: "local",
  backend: "local",
  priceMicros: 0,
  scopes: [],
  ...over,
});

export const machine = (id: string, stage: Stage, over: Partial<Machine> = {}): Machine => ({
  ...newMachine({
    id,
    pool: "a",
    backend: "local",
    offer: "local",
    launch: "l0",
    priceMicros: 0,
    recipe: "r1",
    spent: false,
    stage,
    stageMs: now - 1_000,
    askedMs: now - 2_000,
    startedMs: now - 1_500,
  }),
  enrolledMs: stage === "asked" || stage === "starting" ? null : now - 1_000,
  ...over,
});

/** A machine with a registration of its present life. */
export const registered = (id: string, stage: Stage, over: Partial<Machine> = {}): Machine =>
  machine(id, stage, {
    life: 1,
    registration: {
      id: 7,
      name: id,
      life: 1,
      askedMs: now - 1_000,
      mintedMs: now - 900,
      gone: false,
      heldBusy: false,
      removeMs: null,
      place: "http://127.0.0.1:1/acme/widgets",
    },
    ...over,
  });

/** A job of pool a, lost with the runner of that name. */
export const loss = (id: string, over: Partial<Loss> = {}): Loss => ({
  id,
  pool: "a",
  machine: id,
  why: "interrupted: EC2 took the spot instance back",
  lostMs: now - 100_000,
  name: `job ${id}`,
  jobId: `job-of-${id}`,
  repository: "acme/widgets",
  run: 7,
  reason: "rerun-waits",
  detail: "it is run again once its workflow run has ended",
  sinceMs: now - 100_000,
  askedMs: null,
  sends: 0,
  lookMs: now - 1_000,
  looks: 0,
  ...over,
});

export const report = (over: Partial<Report> = {}): Report => ({
  atMs: now - 500,
  sequence: 1,
  phase: "ready",
  lastLife: null,
  problem: null,
  usage: null,
  ...over,
});

export const demand = (assigned: number, running = 0, over: Partial<Demand["statistics"]> = {}): Demand => ({
  statistics: {
    available: 0,
    acquired: assigned,
    assigned,
    running,
    registered: 0,
    busy: 0,
    idle: 0,
    ...over,
  },
  uncounted: 0,
  labelsDropped: [],
  source: null,
});

const fresh: View = { is: "fresh", atMs: now - 1_000 };

export interface Parts {
  config?: ManagerConfig;
  machines?: readonly Machine[];
  reports?: Record<string, Report>;
  demand?: Record<string, Demand>;
  offers?: Record<string, readonly Offer[]>;
  views?: World["views"];
  circuits?: Record<string, Circuit>;
  launches?: World["launches"];
  jobs?: World["jobs"];
  losses?: World["losses"];
  access?: World["access"];
  draining?: boolean;
  drainingPools?: readonly string[];
  resumedMs?: number;
  launchesFromMs?: number;
}

/** Everything fresh, one local offer a pool, every enrolled machine ready. */
export function world(parts: Parts = {}): World {
  const settings = parts.config ?? config();
  const pools = Object.keys(settings.pools);
  const each = <T>(value: (pool: string) => T) =>
    Object.fromEntries(pools.map((pool) => [pool, value(pool)]));
  const machines = parts.machines ?? [];
  const heard = machines
    .filter(({ enrolledMs }) => enrolledMs !== null)
    .map(({ id }) => [id, report()] as const);
  return deepFreeze({
    config: settings,
    configHash: "hash",
    recipes: each(() => "r1"),
    completeSinceMs: now - 1e9,
    resumedMs: parts.resumedMs ?? now - 1e9,
    launchesFromMs: parts.launchesFromMs ?? now - 1e9,
    journalWritable: true,
    draining: parts.draining ?? false,
    drainingPools: parts.drainingPools ?? [],
    views: {
      "backend:local": fresh,
      ...Object.fromEntries(pools.map((pool) => [`demand:${pool}`, fresh])),
      ...parts.views,
    },
    demand: parts.demand ?? {},
    access: parts.access ?? {},
    credential: null,
    jobs: parts.jobs ?? {},
    offers: parts.offers ?? each(() => [offer()]),
    machines: Object.fromEntries(machines.map((each) => [each.id, each])),
    reports: parts.reports ?? Object.fromEntries(heard),
    launches: parts.launches ?? {},
    losses: parts.losses ?? {},
    circuits: (parts.circuits ?? {}) as World["circuits"],
    boots: {},
  });
}

/** A change of its input is a bug that this turns into an exception. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const part of Object.values(value)) deepFreeze(part);
  }
  return value;
}

const stages = [
  "asked",
  "starting",
  "enrolled",
  "registered",
  "listening",
  "busy",
  "retiring",
  "done",
  "lost",
] as const;

const anyMachine = (index: number): fc.Arbitrary<Machine> =>
  fc
    .record({
      pool: fc.constantFrom("a", "b"),
      stage: fc.constantFrom(...stages),
      ageMs: fc.integer({ min: 0, max: 1_000_000 }),
      priceMicros: fc.constantFrom(0, 10_000, 250_000),
      spent: fc.boolean(),
      recipe: fc.constantFrom("r1", "r1", "r0"),
      started: fc.boolean(),
      gone: fc.boolean(),
    })
    .map(({ pool, stage, ageMs, priceMicros, spent, recipe, started, gone }) => {
      const id = `m${index}`;
      const has = ["registered", "listening", "busy", "retiring"].includes(stage);
      const job =
        stage === "busy"
          ? {
              name: "j",
              startedMs: now - ageMs,
              startedAtGitHub: started,
              completedMs: null,
              jobId: null,
              runner: id,
            }
          : null;
      const over = {
        pool,
        stageMs: now - ageMs,
        askedMs: now - ageMs - 5_000,
        priceMicros,
        spent,
        recipe,
        job,
        gone: gone && (stage === "done" || stage === "lost"),
      };
      return has ? registered(id, stage, over) : machine(id, stage, over);
    });

/** Any world of two pools, up to 12 machines, circuits in every state, fresh or stale views, with or without a budget. */
export const anyWorld: fc.Arbitrary<World> = fc
  .record({
    machines: fc
      .integer({ min: 0, max: 12 })
      .chain((n) => fc.tuple(...Array.from({ length: n }, (_, index) => anyMachine(index)))),
    assigned: fc.tuple(fc.nat(12), fc.nat(12)),
    running: fc.tuple(fc.nat(6), fc.nat(6)),
    max: fc.tuple(fc.nat(8), fc.nat(8)),
    minIdle: fc.tuple(fc.nat(2), fc.nat(2)),
    budget: fc.option(fc.nat(2_000_000), { nil: null }),
    dear: fc.constantFrom(0, 10_000, 250_000),
    backendView: fc.constantFrom<View>(
      fresh,
      { is: "stale", atMs: now - 5_000, why: "x" },
      { is: "never", why: "x" },
      { is: "fresh", atMs: now - 61_000 },
    ),
    demandView: fc.constantFrom<View>(fresh, fresh, { is: "stale", atMs: now - 5_000, why: "x" }),
    circuit: fc.option(fc.integer({ min: -10_000, max: 10_000 }), { nil: null }),
    draining: fc.boolean(),
    launchesInMs: fc.constantFrom(-1, -1, -1, 5_000),
  })
  .map((parts) =>
    world({
      config: config(
        {
          a: { max: parts.max[0], minIdle: parts.minIdle[0] },
          b: { max: parts.max[1], minIdle: parts.minIdle[1] },
        },
        parts.budget,
      ),
      machines: parts.machines,
      demand: {
        a: demand(Math.max(parts.assigned[0], parts.running[0]), parts.running[0]),
        b: demand(Math.max(parts.assigned[1], parts.running[1]), parts.running[1]),
      },
      offers: {
        a: [offer({ key: "cheap" }), offer({ key: "dear", priceMicros: parts.dear })],
        b: [offer({ key: "dear", priceMicros: parts.dear })],
      },
      views: { "backend:local": parts.backendView, "demand:a": parts.demandView },
      circuits:
        parts.circuit === null
          ? {}
          : {
              "offer:cheap": {
                is: "open",
                untilMs: now + parts.circuit,
                reason: "no-capacity",
                detail: "full",
                trips: 1,
              },
            },
      draining: parts.draining,
      launchesFromMs: now + parts.launchesInMs,
    }),
  );
