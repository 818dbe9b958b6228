/** Writes the history behind the loop's back: collected, in small transactions, and given up at the first failure. */
import type { Deps } from "../deps.ts";
import type { JobRecord } from "./jobs.ts";
import { openStore, type Store } from "./store.ts";

const minute = 60_000;
export const defaultHistoryLimits = {
  /** The promise of the page: 30 days ... */
  keptMs: 30 * 24 * 60 * minute,
  /** ... or 500 MB, whichever is less. */
  bytesMax: 500 * 1024 * 1024,
  /** Rows a transaction and rows a trimming step: about 1.5 ms. */
  batchRows: 50,
  /** Changed jobs are written together after so long; a crash costs that much of the charts. */
  flushMs: 250,
  trimPeriodMs: minute,
  /** Completed jobs in memory: what the page lists at most. */
  completedKept: 500,
  /** Jobs that are not completed; GitHub's own lists are bounded far below. */
  openMax: 10_000,
  /** Waits a pool's figures are made of. */
  waitsKept: 200,
  /** GitHub forgets a queued job after 24 h. */
  silentMs: 25 * 60 * minute,
  /** GitHub gives a job up 10 min after its runner fell silent and then says so, if it is still heard. */
  runnerGoneMs: 20 * minute,
};
export type HistoryLimits = typeof defaultHistoryLimits;

export interface Writer {
  write(record: JobRecord): void;
  read(id: string): JobRecord | null;
  /** What the page shows: every open job and the last completed ones. */
  load(): JobRecord[];
  /** Writes what waits, then closes the file. */
  close(): void;
}

/** Never throws. After a failure, which is logged once, nothing is written or read any more. */
export function makeWriter(path: string, limits: HistoryLimits, deps: Deps): Writer {
  const waiting = new Map<string, JobRecord>();
  let store: Store | null = null;
  let cancel: (() => void) | null = null;
  let trimmedMs = deps.clock.now();

  const attempt = <T>(what: string, otherwise: T, work: (open: Store) => T): T => {
    if (!store) return otherwise;
    try {
      return work(store);
    } catch (error) {
      deps.log.error(
        { err: error, path },
        `history: ${what} failed; charts keep only what is in memory until a restart`,
      );
      cancel?.();
      waiting.clear();
      const broken = store;
      store = null;
      try {
        broken.close();
      } catch {
        // Already closed or beyond closing: there is nothing left to lose.
      }
      return otherwise;
    }
  };
  try {
    store = openStore(path, (name) =>
      deps.log.warn({ path, name }, "history: file set aside, a new one begins"),
    );
  } catch (error) {
    deps.log.error({ err: error, path }, "history: cannot be opened; charts keep only what is in memory");
  }

  const flush = (open: Store): boolean => {
    const batch = [...waiting.values()].slice(0, limits.batchRows);
    open.save(batch);
    for (const record of batch) if (waiting.get(record.id) === record) waiting.delete(record.id);
    return waiting.size > 0;
  };
  const trim = (open: Store): boolean => {
    const now = deps.clock.now();
    if (now - trimmedMs < limits.trimPeriodMs) return false;
    const more = open.trim(now - limits.keptMs, limits.bytesMax, limits.batchRows);
    if (!more) trimmedMs = now;
    return more;
  };
  const schedule = (ms: number): void => {
    cancel ??= deps.clock.after(ms, () => {
      cancel = null;
      // One transaction a turn: between two of them the loop gets its say.
      const more = attempt("writing", false, (open) => flush(open) || trim(open));
      if (more) schedule(10);
    });
  };

  return {
    write(record: JobRecord): void {
      if (!store) return;
      waiting.set(record.id, record);
      schedule(limits.flushMs);
    },
    read: (id: string) => waiting.get(id) ?? attempt("reading", null, (open) => open.job(id)),
    load: () =>
      attempt<JobRecord[]>("reading", [], (open) => [
        ...open.open(limits.openMax),
        ...open.completed(limits.completedKept),
      ]),
    close(): void {
      cancel?.();
      attempt("writing", null, (open) => {
        while (waiting.size > 0) flush(open);
        open.close();
        return null;
      });
      store = null;
    },
  };
}
