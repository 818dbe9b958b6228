/** The only place of the supervisor and the CLI that knows real time. */

/** For log lines. */
export const wallTime = (): string => new Date().toISOString();

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Resolves after `ms`, or as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const realClock: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal?.addEventListener("abort", done, { once: true });
    }),
};

/** Looks every `everyMs` until `test` holds. False when `limitMs` passed first. */
export const waitUntil = async (
  test: () => boolean | Promise<boolean>,
  options: { limitMs: number; everyMs?: number; whileWaiting?: (elapsedMs: number) => void },
  clock: Clock = realClock,
): Promise<boolean> => {
  const startMs = clock.now();
  while (!(await test())) {
    const elapsedMs = clock.now() - startMs;
    if (elapsedMs >= options.limitMs) return false;
    options.whileWaiting?.(elapsedMs);
    await clock.sleep(options.everyMs ?? 50);
  }
  return true;
};
