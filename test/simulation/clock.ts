/** Virtual time: a heap of events, promises settled between them, nothing waits for real. */
import { setImmediate as settled } from "node:timers/promises";
import type { Clock } from "../../agent/manager/deps.ts";

interface Event {
  atMs: number;
  sequence: number;
  run: () => void;
  cancelled: boolean;
}

export interface VirtualClock extends Clock {
  /** Runs events until `ms` have passed or none is left that is due; after each, promises settle and `check` runs. */
  advance(ms: number, check?: () => void): Promise<void>;
  /** Runs events until the condition holds; false when it does not within `ms`. */
  until(condition: () => boolean, ms: number, check?: () => void): Promise<boolean>;
  /** Events run so far. */
  steps(): number;
}

export function virtualClock(startMs = 1_800_000_000_000): VirtualClock {
  let nowMs = startMs;
  let sequence = 0;
  let steps = 0;
  const events = makeHeap();
  const after = (ms: number, run: () => void) => {
    const event = { atMs: nowMs + Math.max(0, ms), sequence: sequence++, run, cancelled: false };
    events.push(event);
    return () => void (event.cancelled = true);
  };
  const until = async (condition: () => boolean, ms: number, check?: () => void) => {
    const endMs = nowMs + ms;
    await settled();
    while (!condition()) {
      const event = events.earliest();
      if (!event || event.atMs > endMs) {
        nowMs = endMs;
        return condition();
      }
      events.pop();
      nowMs = event.atMs;
      steps += 1;
      event.run();
      await settled();
      check?.();
    }
    return true;
  };
  return {
    now: () => nowMs,
    after,
    sleep: sleepOn(after),
    advance: async (ms, check) => void (await until(() => false, ms, check)),
    until,
    steps: () => steps,
  };
}

/** `sleep` of a {@link Clock} that has `after`. */
export const sleepOn =
  (after: Clock["after"]): Clock["sleep"] =>
  (ms, signal) =>
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
    });

/** Earliest first, equal times in the order in which they were asked for. */
function makeHeap() {
  const heap: Event[] = [];
  const before = (a: Event, b: Event) => a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
  const swap = (a: number, b: number) => ([heap[a], heap[b]] = [heap[b]!, heap[a]!]);
  const push = (event: Event) => {
    heap.push(event);
    for (let at = heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!before(heap[at]!, heap[parent]!)) break;
      swap(at, parent);
      at = parent;
    }
  };
  const pop = () => {
    const last = heap.pop()!;
    if (heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < heap.length && before(heap[child]!, heap[least]!)) least = child;
      }
      if (least === at) break;
      swap(at, least);
      at = least;
    }
  };
  const earliest = (): Event | undefined => {
    while (heap[0]?.cancelled) pop();
    return heap[0];
  };
  return { push, pop, earliest };
}
