/** What listener and worker need from outside; tests give their own. */
export interface Deps {
  fetch: typeof fetch;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
  sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** A longer one would fire at once (the maximum of setTimeout). */
const sleepMaxMs = 2 ** 31 - 1;

export const sleep: Deps["sleep"] = (ms, signal) =>
  new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", stop);
        resolve();
      },
      Math.min(ms, sleepMaxMs),
    );
    signal?.addEventListener("abort", stop, { once: true });
  });

export const realDeps: Deps = {
  fetch: (input, init) => fetch(input, init),
  now: () => Date.now(),
  sleep,
  random: () => Math.random(),
};

/** `2026-01-01 00:00:00Z`: how the real runner writes times on its terminal. */
export const terminalTime = (ms: number) => `${new Date(ms).toISOString().slice(0, 19).replace("T", " ")}Z`;
