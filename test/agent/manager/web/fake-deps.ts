/** Dependencies under a test's control: a clock that stands still until told, and a log that can be read. */
import { pino } from "pino";
import { realDeps, type Clock, type Deps } from "../../../../agent/manager/deps.ts";

export interface FakeClock extends Clock {
  /** Runs every timer that falls due on the way, in order. */
  advance(ms: number): void;
  /** Timers that are set. */
  timers(): number;
}

export function fakeClock(startMs = 1_800_000_000_000): FakeClock {
  let nowMs = startMs;
  const timers = new Set<{ atMs: number; callback: () => void }>();
  const after = (ms: number, callback: () => void) => {
    const timer = { atMs: nowMs + Math.max(0, ms), callback };
    timers.add(timer);
    return () => void timers.delete(timer);
  };
  return {
    now: () => nowMs,
    after,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) return reject(signal.reason as Error);
        const cancel = after(ms, resolve);
        signal?.addEventListener("abort", () => (cancel(), reject(signal.reason as Error)), { once: true });
      }),
    timers: () => timers.size,
    advance(ms) {
      const untilMs = nowMs + ms;
      for (;;) {
        const next = [...timers].sort((a, b) => a.atMs - b.atMs)[0];
        if (!next || next.atMs > untilMs) break;
        timers.delete(next);
        nowMs = next.atMs;
        next.callback();
      }
      nowMs = untilMs;
    },
  };
}

export interface LoggedDeps extends Deps {
  /** What was logged, a line of JSON each. */
  lines: string[];
}

export function quietDeps(clock?: Clock): LoggedDeps {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
  const real = realDeps(log);
  return { ...real, clock: clock ?? real.clock, lines };
}
