/** Removes what ended machines left in one region: volumes cost money, and an interface keeps its subnet. */
import { LeavingError } from "./errors.ts";
import type { Limits } from "./limits.ts";
import type { LeavingDeps, Region } from "./ports.ts";
import { reason, some } from "./text.ts";

/**
 * @returns how many were removed
 * @throws LeavingError naming those that stay; the signal's reason
 */
export const sweepLeftovers = async (
  region: Region,
  { clock, say }: Pick<LeavingDeps, "clock" | "say">,
  signal: AbortSignal,
  limits: Limits,
): Promise<number> => {
  const startMs = clock.now();
  const removed = new Set<string>();
  const refused = new Map<string, string>();
  for (;;) {
    const left = await region.leftovers();
    if (left.length === 0) return removed.size;
    for (const one of left.filter(({ free }) => free))
      await region.remove(one).then(
        () => removed.add(one.id),
        (error: unknown) => refused.set(one.id, reason(error)),
      );
    if (clock.now() - startMs >= limits.leftoversMs) {
      const named = left.map(({ id, kind }) => `${kind} ${id} (${refused.get(id) ?? "in use"})`);
      throw new LeavingError(`${region.name}: could not be removed: ${some(named, 20)}`);
    }
    if (removed.size === 0) say(`sweep: ${region.name}: removing ${some(left.map(({ id }) => id))}`);
    await clock.sleep(limits.lookMs, signal);
  }
};
