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
  /** A try that was not the caller's fault. */
  giveBack(key: string): void;
}

/** Callers that are remembered at most; with more the one that has been known longest starts anew. */
const keysMax = 10_000;

export function makeRates({ count, perMs }: Rate, clock: Pick<Clock, "now">): Rates {
  const intervalMs = perMs / count;
  /** When all that a key took would be over, had it come evenly spread. */
  const spentUntil = new Map<string, number>();
  return {
    take: (key) => {
      const now = clock.now();
      const nextMs = Math.max(now, spentUntil.get(key) ?? now) + intervalMs;
      const waitMs = nextMs - now - perMs;
      if (waitMs > 0) return waitMs / 1_000;
      if (spentUntil.size >= keysMax && !spentUntil.has(key))
        spentUntil.delete(spentUntil.keys().next().value!);
      spentUntil.set(key, nextMs);
      return null;
    },
    giveBack: (key) => {
      const untilMs = spentUntil.get(key);
      if (untilMs !== undefined) spentUntil.set(key, untilMs - intervalMs);
    },
  };
}
