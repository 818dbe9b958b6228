/** How often a caller may ask: so many at once, then so many a minute, counted for each key in a few bytes (GCRA). */
import type { Clock } from "../deps.ts";

export interface Rate {
  /** At once, and again in each `perMs`. */
  count: number;
  perMs: number;
}

export interface Rates {
  /** Null when it may; otherwise seconds until the next try can succeed. A refused try costs nothing. */
  take(key: string): number | null;
  /** As `take`, without taking. */
  look(key: string): number | null;
}

/** Callers that are remembered at most; with more the one that has been known longest starts anew. */
const keysMax = 10_000;

export function makeRates({ count, perMs }: Rate, clock: Pick<Clock, "now">): Rates {
  const intervalMs = perMs / count;
  /** When all that a key took would be over, had it come evenly spread. */
  const spentUntil = new Map<string, number>();
  const next = (key: string) => {
    const now = clock.now();
    const nextMs = Math.max(now, spentUntil.get(key) ?? now) + intervalMs;
    const waitMs = nextMs - now - perMs;
    return { nextMs, seconds: waitMs > 0 ? waitMs / 1_000 : null };
  };
  return {
    look: (key) => next(key).seconds,
    take: (key) => {
      const { nextMs, seconds } = next(key);
      if (seconds !== null) return seconds;
      if (spentUntil.size >= keysMax && !spentUntil.has(key))
        spentUntil.delete(spentUntil.keys().next().value!);
      spentUntil.set(key, nextMs);
      return null;
    },
  };
}
