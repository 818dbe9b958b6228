/** The hourly quota of REST calls (`x-ratelimit-*`), and how slowly one must ask so that it lasts until it is renewed. */
import type { Deps } from "../../deps.ts";
import type { Ms } from "../../world.ts";
import type { Timings } from "../timings.ts";

export interface Quota {
  /** Of every answer; a 304 does not count against it. */
  seen(header: (name: string) => string | null): void;
  /** The shortest pause after a turn of so many counted calls; 0 while there is plenty. */
  pauseMs(counted: number): Ms;
}

export function makeQuota(
  timings: Pick<Timings, "quotaKept" | "queuedMsMax">,
  deps: Pick<Deps, "clock">,
): Quota {
  let known: { limit: number; remaining: number; resetMs: Ms } | null = null;
  /** Counted calls a turn, smoothed: one busy turn is no reason to slow down for an hour. */
  let usual = 0;
  return {
    seen: (header) => {
      const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((name) => {
        const value = header(`x-ratelimit-${name}`);
        return value === null ? NaN : Number(value);
      }) as [number, number, number];
      if (![limit, remaining, reset].every(Number.isFinite)) return;
      known = { limit, remaining, resetMs: reset * 1_000 };
    },
    pauseMs: (counted) => {
      usual = usual * 0.8 + counted * 0.2;
      const now = deps.clock.now();
      if (!known || now >= known.resetMs) return 0;
      const usable = known.remaining - known.limit * timings.quotaKept;
      if (usable <= 0) return timings.queuedMsMax;
      return Math.min(timings.queuedMsMax, Math.round((usual * (known.resetMs - now)) / usable));
    },
  };
}
