/** Writes the history behind the loop's back: collected, in small transactions; after a failure it is left alone for a while. */
import type { Deps } from "../deps.ts";
import type { BootView } from "../view.ts";
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
  /** A file that could not be opened or written is tried again after so long. */
  retryMs: minute,
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
  writeBoot(view: BootView): void;
  /** Newest first. */
  loadBoots(): BootView[];
  /** Writes what waits, then closes the file. */
  close(): void;
}

/**
 * Never throws. After a failure, which is logged once, nothing is written or read until the file can be opened again.
 * @param known what is in memory: written anew to a file that was away
 */
export function makeWriter(
  path: string,
  limits: HistoryLimits,
  deps: Deps,
  known: { jobs: () => Iterable<JobRecord>; boots: () => Iterable<BootView> } = {
    jobs: () => [],
    boots: () => [],
  },
): Writer {
  const waiting = new Map<string, JobRecord>();
  let waitingBoots: BootView[] = [];
  let store: Store | null = null;
  let cancel: (() => void) | null = null;
  let look: () => void = () => {};
  let trimmedMs = deps.clock.now();
  let told = false;
  const failed = (error: unknown, what: string): void => {
    if (!told)
      deps.log.error(
        { err: error, path },
        `history: ${what}; charts keep only what is in memory until it can be written`,
      );
    told = true;
  };

  const attempt = <T>(what: string, otherwise: T, work: (present: Store) => T): T => {
    if (!store) return otherwise;
    try {
      return work(store);
    } catch (error) {
      failed(error, `${what} failed`);
      cancel?.();
      cancel = null;
      waiting.clear();
      waitingBoots = [];
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
  const open = (): void => {
    try {
      store = openStore(path, (name) =>
        deps.log.warn({ path, name }, "history: file set aside, a new one begins"),
      );
    } catch (error) {
      failed(error, "cannot be opened");
    }
  };
  open();

  const flush = (present: Store): boolean => {
    const batch = [...waiting.values()].slice(0, limits.batchRows);
    present.save(batch);
    const boots = waitingBoots.slice(0, limits.batchRows);
    if (boots.length > 0) present.saveBoots(boots);
    waitingBoots = waitingBoots.slice(boots.length);
    for (const record of batch) if (waiting.get(record.id) === record) waiting.delete(record.id);
    return waiting.size + waitingBoots.length > 0;
  };
  const trim = (present: Store): boolean => {
    const now = deps.clock.now();
    if (now - trimmedMs < limits.trimPeriodMs) return false;
    const more = present.trim(now - limits.keptMs, limits.bytesMax, limits.batchRows);
    if (!more) trimmedMs = now;
    return more;
  };
  const schedule = (ms: number): void => {
    cancel ??= deps.clock.after(ms, () => {
      cancel = null;
      // One transaction a turn: between two of them the loop gets its say.
      const more = attempt("writing", false, (present) => flush(present) || trim(present));
      if (more) schedule(10);
      else if (store && told) {
        told = false;
        deps.log.info({ path }, "history: it can be written again");
      }
    });
  };
  /** Also where no job is heard of for weeks: what is too old goes, and a file that was away is looked for. */
  const lookLater = (): void => {
    look = deps.clock.after(Math.min(limits.retryMs, limits.trimPeriodMs), () => {
      if (!store) {
        open();
        if (store) {
          for (const record of known.jobs()) waiting.set(record.id, record);
          waitingBoots = [...known.boots()];
        }
      }
      if (store) schedule(0);
      lookLater();
    });
  };
  lookLater();

  return {
    write(record: JobRecord): void {
      if (!store) return;
      waiting.set(record.id, record);
      schedule(limits.flushMs);
    },
    read: (id: string) => waiting.get(id) ?? attempt("reading", null, (present) => present.job(id)),
    load: () =>
      attempt<JobRecord[]>("reading", [], (present) => [
        ...present.open(limits.openMax),
        ...present.completed(limits.completedKept),
      ]),
    writeBoot(view: BootView): void {
      if (!store) return;
      waitingBoots.push(view);
      schedule(limits.flushMs);
    },
    loadBoots: () => attempt<BootView[]>("reading", [], (present) => present.boots()),
    close(): void {
      look();
      cancel?.();
      attempt("writing", null, (present) => {
        while (waiting.size + waitingBoots.length > 0) flush(present);
        present.close();
        return null;
      });
      store = null;
    },
  };
}
