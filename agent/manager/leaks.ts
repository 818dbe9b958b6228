/**
 * Runner records that GitHub keeps although their machine is finished with. Whoever holds a copy of such a runner's
 * credentials could be the pool's next runner, so it is deleted again and again, and people are told when that takes long.
 */
import type { Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";
import type { Watcher } from "./loop.ts";
import type { MachineId, Ms, World } from "./world.ts";
import { isAlive } from "./world.ts";

export interface Leak {
  machine: MachineId;
  pool: string;
  /** GitHub's runner name. */
  runner: string;
  sinceMs: Ms;
  /** GitHub refuses because a job runs there, as it says. */
  heldBusy: boolean;
}

/** Those whose machine was finished with at least `limits.leakMs` ago. */
export function leaks(world: World, now: Ms, limits: Pick<Limits, "leakMs">): Leak[] {
  return Object.values(world.machines).flatMap((machine) => {
    const { registration, id, pool, stageMs } = machine;
    if (isAlive(machine) || !registration || registration.gone || now - stageMs < limits.leakMs) return [];
    const { name, heldBusy } = registration;
    return [{ machine: id, pool, runner: name, sinceMs: stageMs, heldBusy }];
  });
}

/** Says once of each when it begins to last, and once when it is over. */
export function watchLeaks(limits: Pick<Limits, "leakMs">, { log }: Pick<Deps, "log">): Watcher {
  const told = new Set<string>();
  return {
    planned: (_plan, world, _seconds, now) => {
      const present = leaks(world, now, limits);
      for (const { machine, runner, heldBusy, sinceMs } of present) {
        if (told.has(runner)) continue;
        told.add(runner);
        const seconds = Math.round((now - sinceMs) / 1_000);
        log.warn(
          { machine, runner, heldBusy, seconds },
          "GitHub keeps the runner record of a machine that is finished with; its deletion is asked for again and again",
        );
      }
      const names = new Set(present.map(({ runner }) => runner));
      for (const runner of told) {
        if (names.has(runner)) continue;
        told.delete(runner);
        log.info({ runner }, "GitHub has no record of this runner any more");
      }
    },
  };
}
