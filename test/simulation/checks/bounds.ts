/** Invariant 12: every collection of the world is within its limit. */
import type { Limits } from "../../../agent/manager/limits.ts";
import type { World } from "../../../agent/manager/world.ts";

export function boundsOf(world: World, limits: Limits): string[] {
  const size = (record: object) => Object.keys(record).length;
  const machines = size(world.machines);
  // What is adopted after a loss comes on top of what may be launched.
  const machinesMax = 2 * limits.machinesMax;
  const bounds: [string, number, number][] = [
    ["jobs", size(world.jobs), limits.mapsMax],
    // Looked after with every list.
    ["losses", size(world.losses), limits.mapsMax + machinesMax],
    ["machines", machines, machinesMax],
    ["reports", size(world.reports), machines],
    // A refused one stays until the next list.
    ["launches", size(world.launches), machinesMax + 32],
    ["circuits", size(world.circuits), 64],
    ["boots", size(world.boots), 16],
    ...Object.entries(world.boots).map(([key, list]): [string, number, number] => [
      `boots of ${key}`,
      list.length,
      limits.bootsKept,
    ]),
  ];
  return bounds
    .filter(([, count, most]) => count > most)
    .map(([what, count, most]) => `${count} ${what}, at most ${most}`);
}
