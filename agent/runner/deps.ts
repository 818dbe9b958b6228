/** The one place of the runner agent that knows real time, randomness, its environment and how to power off. */
import { spawn } from "node:child_process";
import { harmless, toStdout, writeAll } from "../log-line.ts";

export interface Clock {
  /** Monotonic milliseconds. */
  now(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
  /** Resolves after `ms`, or as soon as `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Deps {
  clock: Clock;
  /** Uniform in [0, 1), for jitter. */
  random: () => number;
  /** One JSON line; never a secret. */
  log: (event: string, detail?: Record<string, unknown>) => void;
  env: NodeJS.ProcessEnv;
  /** Switches this computer off; called only where the launch file says `end: power-off`. */
  powerOff: () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.max(0, ms));
    return () => clearTimeout(timer);
  },
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, Math.max(0, ms));
      signal?.addEventListener("abort", done, { once: true });
    }),
};

export const realDeps = (): Deps => ({
  clock: realClock,
  random: Math.random,
  log: (event, detail = {}) => {
    // Not process.stdout: on a full disk it ends the process, and the job with it.
    const line = harmless(JSON.stringify({ time: new Date().toISOString(), event, ...detail }));
    writeAll(Buffer.from(`${line}\n`), toStdout);
  },
  env: process.env,
  powerOff: () => {
    const child = spawn("poweroff", { stdio: "inherit", detached: true });
    child.on("error", (error) =>
      console.error(`poweroff: ${error.message}; switch this computer off by hand`),
    );
    child.unref();
  },
});
