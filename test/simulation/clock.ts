/** Virtual time: events in order, promises settled between them, nothing waits for real. */
import { setImmediate as settled } from "node:timers/promises";
import type { Clock } from "../../agent/manager/deps.ts";

interface Event {
  atMs: number;
  sequence: number;
  run: () => void;
}

export interface VirtualClock extends Clock {
  /** Runs events until `ms` have passed or none is left that is due; after each, promises settle and `check` runs. */
  advance(ms: number, check?: () => void): Promise<void>;
  /** Runs events until the condition holds; false when it does not within `ms`. */
  until(condition: () => boolean, ms: number, check?: () => void): Promise<boolean>;
}

export function virtualClock(startMs = 1_800_000_000_000): VirtualClock {
  let nowMs = startMs;
  let sequence = 0;
  const events = new Set<Event>();
  const after = (ms: number, run: () => void) => {
    const event = { atMs: nowMs + Math.max(0, ms), sequence: sequence++, run };
    events.add(event);
    return () => void events.delete(event);
  };
  const earliest = (): Event | undefined => {
    let first: Event | undefined;
    for (const event of events) {
      if (!first || event.atMs < first.atMs || (event.atMs === first.atMs && event.sequence < first.sequence))
        first = event;
    }
    return first;
  };
  const until = async (condition: () => boolean, ms: number, check?: () => void) => {
    const endMs = nowMs + ms;
    await settled();
    while (!condition()) {
      const event = earliest();
      if (!event || event.atMs > endMs) {
        nowMs = endMs;
        return condition();
      }
      events.delete(event);
      nowMs = event.atMs;
      event.run();
      await settled();
      check?.();
    }
    return true;
  };
  return {
    now: () => nowMs,
    after,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const cancel = after(ms, resolve);
        const stop = () => {
          cancel();
          reject(signal!.reason as Error);
        };
        if (signal?.aborted) stop();
        signal?.addEventListener("abort", stop, { once: true });
      }),
    advance: async (ms, check) => void (await until(() => false, ms, check)),
    until,
  };
}
