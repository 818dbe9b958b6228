/**
 * The one place of the manager that knows real time, randomness and timers. Everything else gets a {@link Deps},
 * so that the simulation can run the same code in virtual time.
 */
import { randomBytes } from "node:crypto";
import type { Logger } from "pino";

/** Milliseconds since 1970 that never run backwards within one process: the wall clock at its start plus monotonic time. */
export type Ms = number;

export interface Clock {
  now(): Ms;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
  /** Resolves after `ms`, or rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Deps {
  clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  random: () => number;
  /** Hex characters, for ids. */
  id: (length: number) => string;
  log: Logger;
  fetch: typeof fetch;
}

export const realClock = (): Clock => {
  const startMs = Date.now() - performance.now();
  const after = (ms: number, callback: () => void) => {
    const timer = setTimeout(callback, Math.max(0, ms));
    return () => clearTimeout(timer);
  };
  return {
    now: () => Math.round(startMs + performance.now()),
    after,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const stop = () => {
          cancel();
          reject(signal!.reason as Error);
        };
        const cancel = after(ms, () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        });
        signal?.addEventListener("abort", stop, { once: true });
      }),
  };
};

export const realDeps = (log: Logger): Deps => ({
  clock: realClock(),
  random: Math.random,
  id: (length) =>
    randomBytes(Math.ceil(length / 2))
      .toString("hex")
      .slice(0, length),
  log,
  fetch: globalThis.fetch,
});

/** Aborts when `ms` have passed on the clock or the outer signal aborts; `done` frees the timer. */
export const deadline = (clock: Clock, ms: number, what: string, outer?: AbortSignal) => {
  const controller = new AbortController();
  const cancel = clock.after(ms, () =>
    controller.abort(new Error(`${what}: no answer within ${ms / 1000} s`)),
  );
  const forward = () => controller.abort(outer!.reason);
  if (outer?.aborted) forward();
  outer?.addEventListener("abort", forward, { once: true });
  const done = () => {
    cancel();
    outer?.removeEventListener("abort", forward);
  };
  return { signal: controller.signal, done };
};
