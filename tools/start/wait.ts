/** Waiting for a condition, always bounded. */
import { setTimeout as sleep } from "node:timers/promises";

const everyMs = 50;

/** Looks again and again until the answer is not null; null when `limitMs` have passed. */
export const until = async <T>(
  look: () => Promise<T | null>,
  limitMs: number,
  signal?: AbortSignal,
): Promise<T | null> => {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() >= endMs) return null;
    await sleep(everyMs, undefined, signal === undefined ? {} : { signal });
  }
};
