/** Growing pauses between failed calls, jittered so that a thousand agents do not come back at once. */
import type { Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";

export interface Pauses {
  /** Milliseconds until the next try, at least `askedMs`. */
  next(askedMs?: number): number;
  reset(): void;
}

export function makePauses(
  limits: Pick<Limits, "pauseFirstMs" | "pauseMaxMs">,
  random: Deps["random"],
): Pauses {
  let failures = 0;
  return {
    next: (askedMs = 0) => {
      const fullMs = Math.min(limits.pauseMaxMs, limits.pauseFirstMs * 2 ** Math.min(failures, 20));
      failures += 1;
      return askedMs + fullMs * (0.5 + random() / 2);
    },
    reset: () => {
      failures = 0;
    },
  };
}
