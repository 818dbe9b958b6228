/** One look at the queues: which lists and which runs' jobs are due, read a few at a time. */
import type { Deps } from "../../deps.ts";
import type { Ms } from "../../world.ts";
import { GitHubError } from "../errors.ts";
import type { Timings } from "../timings.ts";
import type { Book, KnownJob, KnownRun } from "./book.ts";
import { isMissing, type Reader } from "./reader.ts";
import type { Repositories, Repository } from "./repositories.ts";
import * as shapes from "./schemas.ts";

/**
 * Statuses of runs that can hold a queued job: later jobs of a run in progress, or of one in which another job waits for an
 * approval. In runs that are `pending` or `requested` no job is queued yet.
 */
const statuses = ["in_progress", "queued", "waiting"] as const;

export interface TurnTools {
  book: Book;
  reader: Reader;
  repositories: Repositories;
  /** A single repository that cannot be read is the whole queue. */
  alone: boolean;
  timings: Timings;
  deps: Pick<Deps, "clock" | "log">;
}

/** Every run that was found or noted was read at least once: before, figures would say too little. */
export const isWhole = (book: Book): boolean =>
  [...book.runs()].every(({ readMs, listed }) => readMs !== null || !listed) &&
  book.jobs().every(({ is }) => is !== "unread");

/**
 * Reads what is due, the longest waiting first, at most `readsPerTurnMax` things.
 * @throws GitHubError; what was read before it counts
 */
export async function turn(tools: TurnTools, signal: AbortSignal): Promise<void> {
  const { book, repositories, timings, deps } = tools;
  await repositories.refresh(signal);
  const now = deps.clock.now();
  const byDue = (a: { dueMs: Ms }, b: { dueMs: Ms }) => a.dueMs - b.dueMs;
  const lists = repositories.all().filter(({ dueMs }) => dueMs <= now);
  const most = Math.ceil(timings.readsPerTurnMax / statuses.length);
  await each(lists.sort(byDue).slice(0, most), timings.readsAtOnce, (repository) =>
    readLists(tools, repository, signal),
  );
  const runs = [...book.runs()].filter(({ dueMs }) => dueMs <= deps.clock.now());
  await each(runs.sort(byDue).slice(0, timings.readsPerTurnMax), timings.readsAtOnce, (run) =>
    readRun(tools, run, signal),
  );
}

async function readLists(tools: TurnTools, repository: Repository, signal: AbortSignal): Promise<void> {
  const { book, reader, timings, deps } = tools;
  const { name } = repository;
  const startedMs = deps.clock.now();
  try {
    const found = [];
    let whole = true;
    for (const status of statuses) {
      const path = `/repos/${name}/actions/runs?status=${status}`;
      const list = await reader.all(`listing ${status} runs of ${name}`, path, shapes.runs, signal);
      found.push(...list.items);
      whole &&= list.whole;
    }
    book.listed(name, found, whole, startedMs);
    const active = found.length > 0 || startedMs - (repository.pushedMs ?? 0) < timings.repositoryHotMs;
    repository.dueMs = startedMs + (tools.alone || active ? 0 : timings.repositoryColdMs);
  } catch (error) {
    if (tools.alone || !isOneOfMany(error)) throw error;
    // One of many that went away or that this login may not read: what is known of it stays.
    repository.dueMs = startedMs + timings.repositoryColdMs;
    const why = (error as Error).message;
    deps.log.warn({ repository: name, why }, "queued runs of a repository cannot be read");
  }
}

const isOneOfMany = (error: unknown) => error instanceof GitHubError && error.reason === "denied";

async function readRun(tools: TurnTools, run: KnownRun, signal: AbortSignal): Promise<void> {
  const { book, reader, timings, deps } = tools;
  const startedMs = deps.clock.now();
  const what = `listing the jobs of run ${run.id} of ${run.repository}`;
  const path = `/repos/${run.repository}/actions/runs/${run.id}/jobs?filter=latest`;
  try {
    const { items, whole } = await reader.all(what, path, shapes.jobs, signal);
    const missing = book.read(run, items, whole, startedMs);
    for (const job of missing) await readJob(tools, job, signal);
  } catch (error) {
    if (!isMissing(error)) throw error;
    // Deleted, or no longer to be seen: a later list would bring it back.
    run.readMs = startedMs;
    book.gone(run);
  }
  // Asked for meanwhile: what was read may be older than what it was asked for.
  if (run.dueMs > startedMs) return;
  run.dueMs = startedMs + (isUrgent(run, startedMs) ? timings.queuedBusyMs : timings.queuedRunMs);
}

/** A job that is not of the run's latest attempt any more. */
async function readJob({ book, reader }: TurnTools, job: KnownJob, signal: AbortSignal): Promise<void> {
  const { repository } = job.run;
  const path = `/repos/${repository}/actions/jobs/${job.id}`;
  try {
    book.readJob(job, await reader.one(`reading job ${job.id} of ${repository}`, path, shapes.job, signal));
  } catch (error) {
    if (!isMissing(error)) throw error;
    book.readJob(job, null);
  }
}

/** A runner may take a job of it at any moment; where all of a run waits, its status tells of the first. */
const isUrgent = (run: KnownRun, now: Ms) =>
  now < run.hotUntilMs ||
  (run.status !== "queued" &&
    [...run.jobs.values()].some(({ is, pool }) => is === "waiting" && pool !== null));

/** Runs `work` for each item, `most` at a time; ends with the first error once all that were begun have settled. */
async function each<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  let failed = false;
  const worker = async () => {
    for (let item = left.shift(); item !== undefined && !failed; item = left.shift()) {
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(most, items.length) }, worker));
  const first = ends.find((end) => end.status === "rejected");
  if (first) throw first.reason;
}
