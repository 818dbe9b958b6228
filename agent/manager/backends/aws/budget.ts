/** How many calls may leave now: a bucket that fills again, in which ends go before launches. */
import type { Clock } from "../../deps.ts";

export interface Budget {
  /** Resolves when the call may leave; rejects with the signal's reason when that comes first. */
  take(urgent: boolean, signal: AbortSignal): Promise<void>;
}

export function makeBudget({ most, perSecond }: { most: number; perSecond: number }, clock: Clock): Budget {
  let tokens = most;
  let countedMs = clock.now();
  const waiting: { urgent: boolean; leave: () => void }[] = [];
  let cancel: (() => void) | null = null;

  const count = () => {
    const nowMs = clock.now();
    tokens = Math.min(most, tokens + ((nowMs - countedMs) / 1_000) * perSecond);
    countedMs = nowMs;
  };
  const serve = () => {
    cancel?.();
    cancel = null;
    count();
    while (waiting.length > 0 && tokens >= 1) {
      const next = waiting.find(({ urgent }) => urgent) ?? waiting[0]!;
      waiting.splice(waiting.indexOf(next), 1);
      tokens -= 1;
      next.leave();
    }
    // A rounded wait must not come out short of a whole token.
    if (waiting.length > 0) cancel = clock.after(Math.ceil(((1 - tokens) / perSecond) * 1_000) + 1, serve);
  };
  return {
    take: (urgent, signal) =>
      new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const entry = { urgent, leave: () => (signal.removeEventListener("abort", stop), resolve()) };
        const stop = () => {
          waiting.splice(waiting.indexOf(entry), 1);
          reject(signal.reason as Error);
        };
        signal.addEventListener("abort", stop, { once: true });
        waiting.push(entry);
        serve();
      }),
  };
}
