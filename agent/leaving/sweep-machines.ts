/** Ends the machines of one region. */
import { LeavingError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { LeavingDeps, Machine, Region } from "./ports.ts";
import { plural, reason, some } from "./text.ts";

const chunks = <T>(list: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(list.length / size) }, (_, index) =>
    list.slice(index * size, (index + 1) * size),
  );

/**
 * Lists and ends until lists stay empty: a machine that was launched a moment ago may be listed late.
 * @returns how many were ended
 * @throws LeavingError naming those that stay; the signal's reason
 */
export const sweepMachines = async (
  region: Region,
  { clock, say }: Pick<LeavingDeps, "clock" | "say">,
  signal: AbortSignal,
  limits: Limits,
): Promise<number> => {
  const startMs = clock.now();
  const seen = new Set<string>();
  const refused = new Map<string, string>();
  let empty = 0;
  let saidMs = -Infinity;

  const end = async (machines: readonly Machine[]) => {
    for (const batch of chunks(machines, limits.batch)) {
      const ids = batch.map(({ id }) => id);
      try {
        await region.terminate(ids);
        for (const id of ids) refused.delete(id);
      } catch {
        // One that cannot be ended shall not keep the others: each for itself, and each with its reason.
        for (const id of ids)
          await region.terminate([id]).then(
            () => refused.delete(id),
            (error: unknown) => refused.set(id, reason(error)),
          );
      }
    }
  };
  for (;;) {
    const left = await region.machines();
    const now = clock.now();
    empty = left.length === 0 ? empty + 1 : 0;
    if (empty >= limits.emptyLists) return seen.size;
    if (now - startMs >= limits.machinesMs && left.length > 0) {
      const named = left.map(({ id, state }) => `${id} (${refused.get(id) ?? state})`);
      throw new LeavingError(
        `${region.name}: ${plural(left.length, "machine")} could not be ended in ` +
          `${limits.machinesMs / 60_000} minutes: ${some(named, 20)}`,
      );
    }
    for (const { id } of left) seen.add(id);
    if (left.length > 0 && now - saidMs >= limits.sayMs) {
      say(
        `sweep: ${region.name}: ending ${plural(left.length, "machine")}: ${some(left.map(({ id }) => id))}`,
      );
      saidMs = now;
    }
    await end(left.filter(({ state }) => state !== "shutting-down"));
    await clock.sleep(limits.lookMs, signal);
  }
};
