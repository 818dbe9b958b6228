/**
 * The second way to hear of jobs: reads the queued runs of a repository or organisation and tells each pool of the jobs that
 * its labels serve. One loop for all pools of a place; it needs no scale set.
 */
import type { Deps } from "../../deps.ts";
import type { JobNews } from "../../facts.ts";
import type { Ms, PoolName, Statistics } from "../../world.ts";
import { GitHubError } from "../errors.ts";
import { noStatistics } from "../inbox.ts";
import { makePause, pauseMs } from "../pauses.ts";
import type { Timings } from "../timings.ts";
import { makeBook } from "./book.ts";
import { goodbye, route, tell } from "./figures.ts";
import { type Notes, tellings } from "./notes.ts";
import type { Quota } from "./quota.ts";
import type { Reader } from "./reader.ts";
import type { Repositories } from "./repositories.ts";
import { isWhole, turn } from "./turn.ts";

export interface Served {
  labels: readonly string[];
  seen(statistics: Statistics, news: readonly JobNews[]): void;
  failed(error: unknown): void;
}
export interface QueuedRuns {
  /** From now on the pool is told of its jobs. */
  serve(pool: PoolName, served: Served): void;
  /** No longer; jobs that waited for it are said to be over. */
  leave(pool: PoolName): void;
  capacity(pool: PoolName, jobs: number): void;
  /** A runner's job may have ended: its run may queue what needed it. */
  ended(runner: string): void;
  /** Ends a pause, to look at once. */
  wake(): void;
  stop(): Promise<void>;
}
export interface QueuedTools {
  /** For logs: where the queue is. */
  name: string;
  alone: boolean;
  notes: Notes;
  reader: Reader;
  repositories: Repositories;
  quota: Quota;
  timings: Timings;
  deps: Deps;
}

export function makeQueuedRuns(tools: QueuedTools): QueuedRuns {
  const { notes, reader, quota, timings, deps, name } = tools;
  const life = new AbortController();
  const pause = makePause(deps, life.signal);
  const book = makeBook(notes.jobs());
  const pools = new Map<PoolName, Served & { capacity: number; said: string }>();
  let running: Promise<void> | null = null;
  let failures = 0;
  /** Everything was read once; from then on what is not read yet can only add. */
  let whole = false;
  /** Whole, and not failing: only then figures may be told. */
  let heard = false;
  /** Somebody wants a look that begins after now. */
  let asked = false;
  let said = "";

  const report = (always: boolean) => {
    const labels = new Map(
      [...pools].map(([pool, served]) => [pool, new Set(served.labels.map((label) => label.toLowerCase()))]),
    );
    const jobs = book.jobs();
    const left = route(jobs, labels, notes.poolOf);
    for (const [pool, served] of pools) {
      const mine = jobs.filter((job) => job.pool === pool);
      const registered = notes.runners().filter((runner) => runner.pool === pool).length;
      const ours = (runner: string) => notes.poolOf(runner) !== undefined;
      const { statistics, news } = tell(mine, served.capacity, { ours, registered });
      const all = [...news, ...left.flatMap((gone) => (gone.pool === pool ? [goodbye(gone.job)] : []))];
      const figures = JSON.stringify(statistics);
      if (!always && all.length === 0 && figures === served.said) continue;
      served.said = figures;
      served.seen(statistics, all);
    }
    book.forgetOver();
    note();
  };
  const note = () => {
    const open = book.jobs().flatMap((job) => {
      const told = tellings.find((one) => one === job.told);
      if (told === undefined || job.pool === null) return [];
      const { repository, id: run, workflowRef } = job.run;
      return [{ id: job.id, repository, run, workflowRef, pool: job.pool, name: job.name, told }];
    });
    notes.keepJobs(open);
  };

  const isBusy = () => book.jobs().some(({ pool, is }) => pool !== null && is !== "over");
  const say = (state: string, level: "info" | "warn", details: object = {}) => {
    if (state === said) return;
    said = state;
    deps.log[level]({ place: name, ...details }, `queued runs: ${state}`);
  };

  /** Reads, tells, and answers how long to wait before the next. */
  const look = async (): Promise<Ms> => {
    await turn({ ...tools, book }, life.signal);
    const { calls, counted } = reader.spent();
    failures = 0;
    whole ||= isWhole(book);
    heard = whole;
    if (heard) report(true);
    say("listening", "info");
    const period = isBusy() || !heard ? timings.queuedBusyMs : timings.queuedIdleMs;
    const paced = (calls * 60_000) / timings.readsPerMinute;
    return Math.min(timings.queuedMsMax, Math.max(period, paced, quota.pauseMs(counted)));
  };
  const recover = (error: unknown): Ms => {
    failures += 1;
    const known = error instanceof GitHubError ? error : null;
    const { counted } = reader.spent();
    quota.pauseMs(counted);
    const limited = known?.reason === "throttled";
    // A single read that fails on the way is no news.
    if (failures > 1 || known?.reason !== "unavailable") {
      heard = false;
      for (const { failed } of pools.values()) failed(error);
      const why = error instanceof Error ? error.message : String(error);
      say(`cannot be read: ${known?.reason ?? "unknown"} ${known?.status ?? ""}`.trim(), "warn", { why });
    }
    return Math.max(
      known?.retryAfterMs ?? (limited ? timings.limitedMs : 0),
      pauseMs(failures, timings.pauseFirstMs, timings.pauseMsMax, deps.random),
    );
  };
  const run = async () => {
    while (!life.signal.aborted && pools.size > 0) {
      const startedMs = deps.clock.now();
      asked = false;
      const ms = await look().catch((error: unknown) => (life.signal.aborted ? 0 : recover(error)));
      if (life.signal.aborted) return;
      if (!asked) await pause.sleep(ms);
      const early = startedMs + timings.queuedMsMin - deps.clock.now();
      if (early > 0) await pause.sleep(early);
    }
    running = null;
  };

  return {
    serve: (pool, served) => {
      pools.set(pool, { ...served, capacity: pools.get(pool)?.capacity ?? 0, said: "" });
      if (heard) report(false);
      // Begun after the caller has what this returns.
      running ??= Promise.resolve().then(run);
    },
    leave: (pool) => {
      const served = pools.get(pool);
      if (!served) return;
      pools.delete(pool);
      const jobs = book.jobs().filter((job) => job.pool === pool);
      const over = jobs.filter(({ told }) => told === "queued" || told === "assigned").map(goodbye);
      if (over.length > 0 && heard) served.seen(noStatistics, over);
      for (const job of jobs) Object.assign(job, { pool: null, told: "nothing" });
      note();
      pause.wake();
    },
    capacity: (pool, jobs) => {
      const served = pools.get(pool);
      if (!served || served.capacity === jobs) return;
      served.capacity = jobs;
      if (heard) report(false);
    },
    ended: (runner) => {
      const now = deps.clock.now();
      const jobs = book.jobs();
      const known = jobs.filter((job) => job.runner === runner);
      // It was faster than the looks: its job is one of those that still seem to wait.
      const pool = notes.poolOf(runner);
      const its = known.length > 0 ? known : jobs.filter((job) => job.is === "waiting" && job.pool === pool);
      for (const { run } of its) {
        run.dueMs = now;
        run.hotUntilMs = now + timings.queuedHotMs;
      }
      if (its.length === 0 || failures > 0) return;
      asked = true;
      pause.wake();
    },
    wake: () => {
      failures = 0;
      pause.wake();
    },
    stop: async () => {
      life.abort(new Error(`${name}: queued runs are no longer read`));
      await running;
    },
  };
}
