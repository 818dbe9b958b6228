/** Entries of a pool for which nothing is offered, whatever waits. */
import type { PoolName, World } from "../world.ts";

/** A sentence that names them; null when each of the pool's backends makes offers. */
export function unoffered(
  { config, offers }: Pick<World, "config" | "offers">,
  pool: PoolName,
): string | null {
  const offered = new Set((offers[pool] ?? []).map(({ backend }) => backend));
  const entries = (config.pools[pool]?.backends ?? []).flatMap((entry) =>
    entry.kind === "aws" && !offered.has(entry.kind) ? [entry.name] : [],
  );
  if (entries.length === 0) return null;
  const rest = offered.size === 0 ? "" : "; its other backends are used";
  return `This version starts no machines on EC2 yet, so ${entries.join(", ")} of the pool ${pool} offers none${rest}.`;
}
