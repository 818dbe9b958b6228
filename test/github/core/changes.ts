import type { Clock } from "../../../agent/manager/deps.ts";

/** Wakes what waits for the state to change. Many changes within one turn of the event loop wake once. */
export interface Changes {
  notify(): void;
  /**
   * Asks `attempt` now and after every change, until it answers, `holdMs` are over (null: no limit, 0: asks once) or
   * the signal aborts: then null.
   */
  until<T>(attempt: () => T | null, holdMs: number | null, signal?: AbortSignal): Promise<T | null>;
}

export function createChanges(clock: Clock): Changes {
  const waiting = new Set<() => void>();
  let scheduled = false;
  const wake = () => {
    scheduled = false;
    for (const check of [...waiting]) check();
  };
  return {
    notify: () => {
      if (scheduled) return;
      scheduled = true;
      queueMicrotask(wake);
    },
    until: <T>(attempt: () => T | null, holdMs: number | null, signal?: AbortSignal) =>
      new Promise<T | null>((resolve, reject) => {
        const free = () => {
          waiting.delete(check);
          cancel();
          signal?.removeEventListener("abort", stop);
        };
        const stop = () => {
          free();
          resolve(null);
        };
        const check = () => {
          // A check may run after its end, when the same wave both ended it and reached it.
          if (!waiting.has(check)) return;
          try {
            const value = attempt();
            if (value === null) return;
            free();
            resolve(value);
          } catch (error) {
            free();
            reject(error as Error);
          }
        };
        const cancel = holdMs === null ? () => {} : clock.after(holdMs, stop);
        signal?.addEventListener("abort", stop, { once: true });
        waiting.add(check);
        if (signal?.aborted) stop();
        else check();
        if (holdMs === 0) stop();
      }),
  };
}
