/** The only place of the updater that knows real time and starts processes. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { setTimeout as pause } from "node:timers/promises";
import { firstLines, lastWords, ProgramFailed } from "./lines.ts";

export { ProgramFailed } from "./lines.ts";

export interface Clock {
  /** Milliseconds since 1970 that never run backwards within one process. */
  now(): number;
  /** Resolves after `ms`, or as soon as the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const realClock = (): Clock => {
  const startMs = Date.now() - performance.now();
  return {
    now: () => Math.round(startMs + performance.now()),
    sleep: (ms, signal) =>
      pause(ms, undefined, { ...(signal && { signal }) }).catch(() => {
        // Aborted: whoever sleeps looks at the signal.
      }),
  };
};

/** @throws Error from `call` when it does not end within `ms` or `outer` aborts; it is told by its signal */
export const within = async <T>(
  clock: Clock,
  ms: number,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> => {
  const [late, done] = [new AbortController(), new AbortController()];
  const over = AbortSignal.any([late.signal, ...(outer ? [outer] : [])]);
  void clock
    .sleep(ms, done.signal)
    .then(() => late.abort(new Error(`${what}: no answer within ${ms / 1000} s`)));
  try {
    return await call(over);
  } catch (error) {
    throw over.aborted ? (over.reason as Error) : error;
  } finally {
    done.abort();
  }
};

export interface UpdaterDeps {
  clock: Clock;
  fetch: typeof fetch;
  /** Runs a program to its end; rejects with its last words when it fails or takes longer than `limitMs`. */
  run(command: string, args: readonly string[], limitMs: number): Promise<void>;
  /** What a program prints, as far as the limits go; then it is killed. */
  lines: typeof firstLines;
  /** One JSON line. */
  log(event: string, detail?: Record<string, unknown>): void;
}

const run = promisify(execFile);

export const realDeps = (): UpdaterDeps => ({
  clock: realClock(),
  fetch: globalThis.fetch,
  run: async (command, args, limitMs) => {
    try {
      await run(command, args, { timeout: limitMs, killSignal: "SIGKILL" });
    } catch (error) {
      const { code, killed, stderr } = error as { code?: unknown; killed?: boolean; stderr?: string };
      const what = killed ? `took longer than ${limitMs / 1000} s` : lastWords(stderr ?? "") || String(code);
      throw new ProgramFailed(
        `${command} ${args.join(" ")}: ${what}`,
        typeof code === "number" ? code : null,
      );
    }
  },
  lines: firstLines,
  log: (event, detail = {}) =>
    console.log(JSON.stringify({ time: new Date().toISOString(), event, ...detail })),
});
