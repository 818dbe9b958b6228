/** A simulation for a story that is written by hand: one cloud, no faults but those that the story asks for. */
import { defaultLimits } from "../../../agent/manager/limits.ts";
import type { PoolConfig } from "../../../agent/manager-config.ts";
import type { FaultPlan } from "../faults.ts";
import type { DeleteOutcome } from "../fakes/github.ts";
import { isOpen } from "../oracle.ts";
import { entry, type Scenario } from "../scenario.ts";
import { makeSimulation } from "../simulator.ts";

export interface StoryOptions {
  seed?: number;
  pools: Record<string, Partial<PoolConfig>>;
  faults?: FaultPlan;
  consistent?: boolean;
  names?: "request" | "own";
  deleteRace?: DeleteOutcome;
}

export function story({
  seed = 1,
  pools,
  faults = {},
  consistent = false,
  names = "request",
  deleteRace,
}: StoryOptions) {
  const offer = { key: "alpha:spot", backend: "alpha", priceMicros: 0, scopes: [] };
  const scenario: Scenario = {
    seed,
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, pool]) => [name, { backends: [entry("alpha")], ...pool }]),
    ),
    backends: [{ name: "alpha", offers: [offer], consistent, names, ending: "power-off" }],
    budgetMicros: null,
    limits: { ...defaultLimits, journalBytes: 64 * 1024, journalReserveBytes: 16 * 1024 },
    faults,
    jobs: [],
  };
  const run = makeSimulation(scenario, deleteRace ? { deleteRace } : {});
  let minted = 0;
  run.story.listen(({ is }) => void (minted += is === "minted" ? 1 : 0));
  return {
    ...run,
    advance: (ms: number) => run.until(() => false, ms),
    queue: (pool: string, id: string, durationMs: number) => run.github.queue({ pool, id, durationMs }),
    machines: () => run.clouds.flatMap(({ machines }) => [...machines.keys()]),
    open: () => [...run.github.jobs.values()].filter((job) => isOpen(job, run.github)),
    running: (id: string) => run.github.jobs.get(id)?.state === "running",
    /** Machines and runner records together. */
    left: () => run.clouds.reduce((sum, { machines }) => sum + machines.size, run.github.records.size),
    registrations: () => minted,
    listening: () =>
      Object.values(run.world()?.machines ?? {}).filter(({ stage }) => stage === "listening").length,
    [Symbol.asyncDispose]: async () => run.close(),
  };
}
