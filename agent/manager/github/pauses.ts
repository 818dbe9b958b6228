/** Growing pauses with jitter, and waits that can be cut short. */
import type { Deps } from "../deps.ts";
import type { Ms } from "../world.ts";
import { isPassing } from "./errors.ts";
import type { Timings } from "./timings.ts";

/** The pause after the n-th failure in a row (n from 1): doubled each time up to `longest`, of that half to all. */
export function pauseMs(failures: number, first: Ms, longest: Ms, random: () => number): Ms {
  const whole = Math.min(longest, first * 2 ** Math.min(failures - 1, 30));
  return Math.round(whole * (0.5 + random() / 2));
}

/** Repeats what failed on the way or on GitHub's side, a few times; other errors pass at once. */
export async function persist<T>(
  attempt: () => Promise<T>,
  timings: Timings,
  signal: AbortSignal,
  deps: Deps,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (signal.aborted || failures >= timings.attempts || !isPassing(error)) throw error;
      const ms = pauseMs(failures, timings.retryFirstMs, timings.retryMsMax, deps.random);
      await deps.clock.sleep(ms, signal);
    }
  }
}

/** Settles as the promise does, or rejects at the abort; what the promise stands for goes on. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

export interface Pause {
  /** Ends early at `wake` or at the signal's abort; never rejects. */
  sleep(ms: Ms): Promise<void>;
  wake(): void;
}
export function makePause(deps: Deps, signal: AbortSignal): Pause {
  let wake = () => {};
  const sleep = (ms: Ms) =>
    new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = deps.clock.after(ms, end);
      signal.addEventListener("abort", end, { once: true });
      wake = end;
      if (signal.aborted) end();
    });
  return { sleep, wake: () => wake() };
}
