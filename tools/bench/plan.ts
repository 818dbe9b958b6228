/** How long one decision takes at the largest scale that the design names. */
import { defaultLimits } from "../../agent/manager/limits.ts";
import { plan } from "../../agent/manager/plan.ts";
import { config, demand, machine, now, registered, world } from "../../test/agent/manager/worlds.ts";
import { median } from "./figures.ts";

export interface PlanBench {
  medianMs: number;
  worstMs: number;
}

/** 2,000 machines in four pools, 1,000 jobs waiting beyond them. */
export function benchPlan(rounds = 50): PlanBench {
  const pools = ["a", "b", "c", "d"];
  const machines = Array.from({ length: 2_000 }, (_, index) => {
    const pool = pools[index % 4]!;
    const stage = (["busy", "listening", "enrolled", "starting"] as const)[Math.floor(index / 4) % 4]!;
    const make = stage === "busy" || stage === "listening" ? registered : machine;
    return make(`m${index}`, stage, { pool });
  });
  const big = world({
    config: config(Object.fromEntries(pools.map((pool) => [pool, { max: 1_000 }]))),
    machines,
    demand: Object.fromEntries(pools.map((pool) => [pool, demand(625, 125)])),
  });
  const times = Array.from({ length: rounds }, () => {
    const beganMs = performance.now();
    plan(big, now, defaultLimits);
    return performance.now() - beganMs;
  });
  return { medianMs: median(times), worstMs: Math.max(...times) };
}
