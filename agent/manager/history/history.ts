/**
 * What people see of the past: each job's way and how long jobs waited. Memory holds what the page shows, a file of
 * its own keeps 30 days; whatever happens to that file costs charts and nothing else.
 */
import type { Deps } from "../deps.ts";
import type { Fact, JobNews } from "../facts.ts";
import type { BootView } from "../view.ts";
import type { Job, Ms, PoolName, World } from "../world.ts";
import { bootBook } from "./boots.ts";
import { givenUp, joined, newestFirst, waitedMs, waitFigures } from "./jobs.ts";
import type { JobRecord, WaitFigures } from "./jobs.ts";
import { momentBook } from "./moments.ts";
import { defaultHistoryLimits, makeWriter, type HistoryLimits } from "./writer.ts";

export { waitedMs, type JobRecord, type WaitFigures } from "./jobs.ts";
export type { HistoryLimits } from "./writer.ts";

export interface History {
  /** Called after each applied fact. Memory only; the file is written later. */
  record(fact: Fact, before: World, after: World, now: Ms): void;
  /** Newest first: all that are not completed, then the last completed ones. */
  jobs(limit: number): readonly JobRecord[];
  job(id: string): JobRecord | null;
  /** Queued to running, of each pool's last jobs. */
  waits(): Readonly<Record<PoolName, WaitFigures>>;
  bootFailed(view: BootView): void;
  /** Boots that failed, newest first. */
  boots(): readonly BootView[];
  /** Writes what waits and closes the file; nothing may be called afterwards. */
  close(): void;
}

export interface HistoryOptions {
  /** A file, or `:memory:`. */
  path: string;
  limits?: Partial<HistoryLimits>;
}

/** Nothing in it throws: a file that cannot be used is named in the log, and the history lives in memory alone. */
export function openHistory(options: HistoryOptions, deps: Deps): History {
  const limits = { ...defaultHistoryLimits, ...options.limits };
  const records = new Map<string, JobRecord>();
  const jobOfRunner = new Map<string, string>();
  const waits = new Map<PoolName, Ms[]>();
  const book = momentBook();
  const writer = makeWriter(options.path, limits, deps, {
    jobs: () => records.values(),
    boots: () => boots.all(),
  });
  const boots = bootBook(writer.loadBoots());
  let tidiedMs = deps.clock.now();
  let broken = false;

  const keep = (next: JobRecord): void => {
    const old = records.get(next.id);
    records.set(next.id, next);
    if (next.runner !== null) jobOfRunner.set(next.runner, next.id);
    const waited = waitedMs(next);
    if (waited === null || (old && waitedMs(old) !== null)) return;
    const kept = waits.get(next.pool) ?? [];
    waits.set(next.pool, [...kept, waited].slice(-limits.waitsKept));
  };
  const change = (next: JobRecord): void => {
    keep(next);
    writer.write(next);
  };
  for (const record of newestFirst(writer.load()).reverse()) keep(record);

  const tidy = (after: World, now: Ms): void => {
    if (now - tidiedMs < 30_000) return;
    tidiedMs = now;
    for (const record of records.values()) {
      if (isOver(record, after, now, limits)) change(givenUp(record));
    }
    forgetOldest(records, jobOfRunner, limits);
  };

  const note = (fact: Fact, after: World, now: Ms): void => {
    for (const runner of book.follow(fact, after)) {
      const id = jobOfRunner.get(runner);
      const record = id === undefined ? undefined : records.get(id);
      if (record) change(joined(after.jobs[record.id] ?? jobOf(record), book.of(runner, after), record));
    }
    if (fact.is === "demand-seen") {
      for (const { id, ...news } of fact.news) {
        const first = news.is === "queued" || news.is === "assigned";
        const old = records.get(id) ?? (first ? null : writer.read(id));
        const job = after.jobs[id] ?? jobOfNews({ id, ...news }, fact.pool, now);
        change(joined(job, job.runner === null ? null : book.of(job.runner, after), old));
      }
    }
    tidy(after, now);
  };

  return {
    record(fact, _before, after, now) {
      if (broken) return;
      try {
        note(fact, after, now);
      } catch (error) {
        broken = true;
        deps.log.error(
          { err: error, fact: fact.is },
          "history: contradicts itself; charts end here until a restart",
        );
      }
    },
    jobs: (limit) => newestFirst([...records.values()]).slice(0, limit),
    job: (id) => records.get(id) ?? writer.read(id),
    waits: () => Object.fromEntries([...waits].map(([pool, all]) => [pool, waitFigures(all)!])),
    bootFailed: (view) => {
      boots.add(view);
      writer.writeBoot(view);
    },
    boots: () => boots.all(),
    close: () => writer.close(),
  };
}

/** A record as the job it was made of, for when the world has already forgotten that job. */
const jobOf = (record: JobRecord): Job => ({
  ...record,
  queuedMs: record.times.queued,
  assignedMs: record.times.assigned,
  startedMs: record.times.running,
  completedMs: record.times.done,
});

const stateOf = {
  queued: "queued",
  assigned: "assigned",
  started: "running",
  completed: "completed",
} as const;
const jobOfNews = (news: JobNews, pool: PoolName, now: Ms): Job => ({
  ...news,
  pool,
  state: stateOf[news.is],
  startedMs: news.is === "started" ? now : null,
  completedMs: news.is === "completed" ? now : null,
  seenMs: now,
});

function isOver(record: JobRecord, world: World, now: Ms, limits: HistoryLimits): boolean {
  if (record.state === "completed") return false;
  const silentMs = now - record.seenMs;
  const ranOnGone = record.state === "running" && record.machine !== null && !world.machines[record.machine];
  return silentMs > limits.silentMs || (ranOnGone && silentMs > limits.runnerGoneMs);
}

function forgetOldest(
  records: Map<string, JobRecord>,
  jobOfRunner: Map<string, string>,
  limits: HistoryLimits,
): void {
  const sorted = newestFirst([...records.values()]);
  const completedFrom = sorted.findIndex(({ state }) => state === "completed");
  const open = completedFrom < 0 ? sorted.length : completedFrom;
  const forgotten = [...sorted.slice(limits.openMax, open), ...sorted.slice(open + limits.completedKept)];
  for (const record of forgotten) {
    records.delete(record.id);
    if (record.runner !== null) jobOfRunner.delete(record.runner);
  }
}
