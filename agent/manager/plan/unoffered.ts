/** Entries of a pool for which nothing is offered, whatever waits. */
import type { PoolName, World } from "../world.ts";

/** A sentence that names them; null when each of the pool's entries makes offers. */
export function unoffered(
  { config, offers }: Pick<World, "config" | "offers">,
  pool: PoolName,
): string | null {
  const entries = (config.pools[pool]?.backends ?? []).flatMap((entry) =>
    entry.kind === "aws" && entry.fixed.length > 0 ? [entry.name] : [],
  );
  if (entries.length === 0) return null;
  const rest = (offers[pool] ?? []).length === 0 ? "" : "; its other backends are used";
  return (
    `This version gives no jobs to machines that always exist (fixed) yet, ` +
    `so ${entries.join(", ")} of the pool ${pool} offers none${rest}.`
  );
}
