/** What this machine reports of itself, and who is told when it changes. */
import type { SyncRequest } from "../protocol.ts";

export type Status = Pick<SyncRequest, "phase" | "life" | "job" | "lastLife" | "problem" | "done">;

export interface StatusBoard {
  get(): Status;
  set(change: Partial<Status>): void;
  /** Something else that a report carries is news: the next one shall not wait. */
  touch(): void;
  /** Aborts with the next change. */
  changed(): AbortSignal;
}

const textMax = 1_024;
const text = (value: string | null) => value && value.slice(0, textMax);

const first: Status = { phase: "preparing", life: 0, job: null, lastLife: null, problem: null, done: 0 };

/** @param keep told of each change, before anybody hears of it */
export function makeStatus(status = first, keep: (status: Status) => void = () => {}): StatusBoard {
  let change = new AbortController();
  const touch = () => {
    const before = change;
    change = new AbortController();
    before.abort();
  };
  return {
    get: () => status,
    set: (patch) => {
      const next = { ...status, ...patch };
      next.job = text(next.job);
      next.problem = text(next.problem);
      // A job may write lines of any length where the runner does: a report that is too long would never be taken.
      if (next.lastLife) next.lastLife = { ...next.lastLife, result: text(next.lastLife.result) };
      if (JSON.stringify(next) === JSON.stringify(status)) return;
      keep((status = next));
      touch();
    },
    touch,
    changed: () => change.signal,
  };
}
