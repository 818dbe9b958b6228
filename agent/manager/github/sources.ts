/** How a pool hears of its jobs: by a scale set, or by reading queued runs; chosen by setting, or by what GitHub returned. */
import type { JobSource } from "../../manager-config.ts";
import type { Report } from "../ports.ts";
import type { PoolName, SourceView } from "../world.ts";
import { classify, GitHubError, SetGone } from "./errors.ts";
import { makePool, type Pool, type PoolTools } from "./pool.ts";
import { noEnterprise } from "./queued/repositories.ts";
import type { QueuedPlace } from "./queued/place.ts";
import { mint } from "./runners.ts";
import type { Wish } from "./sets.ts";

export interface SourcedPool extends Pick<Pool, "capacity" | "queueUrl" | "wake" | "stop"> {
  /** What the settings want now; null: the pool is no more. */
  follow(wish: Wish | null, source: JobSource): void;
  /** Registers a single-use runner for the pool's next job. @throws GitHubError */
  mint(runner: string, signal: AbortSignal): Promise<{ runnerId: number; jitConfig: string }>;
  /** Its runners are registered by REST. */
  usesRest(): boolean;
}
export interface SourceTools extends PoolTools {
  queued: QueuedPlace;
  /** github.url is an enterprise's. */
  enterprise: boolean;
  url: string;
  /** The pool reads queued runs from now on, by itself. */
  switched(): void;
}

/** @param emptied called when the pool is no more and nothing of it is left at GitHub */
export function makeSourcedPool(name: PoolName, tools: SourceTools, emptied: () => void): SourcedPool {
  const { queued, timings, deps } = tools;
  let wanted: Wish | null = null;
  let setting: JobSource = "auto";
  let capacity = 0;
  /** The wish that queued runs serve now. */
  let reading: Wish | null = null;

  const viaSet: Report = (fact) => {
    if (reading) return;
    if (fact.is !== "demand-seen") return tools.report(fact);
    const dropped = fact.labelsDropped;
    if (dropped.length === 0 || setting !== "auto" || tools.enterprise || !wanted)
      return tools.report({ ...fact, source: { is: "scale-sets", why: null } });
    const wish = wanted;
    // After what the set's listener is about to do.
    void Promise.resolve().then(() => lost(wish, dropped));
  };
  const sets = makePool(name, { ...tools, report: viaSet }, () => {
    if (wanted === null) emptied();
  });

  const lost = (wish: Wish, labels: readonly string[]) => {
    if (wanted?.mark !== wish.mark || setting !== "auto" || reading) return;
    queued.notes.keepLost({ pool: name, mark: wish.mark, labels: [...labels], atMs: deps.clock.now() });
    const source = why(labels).why;
    deps.log.warn({ pool: name, labels }, `${source}; the scale set is drained and deleted`);
    read(wish, labels);
    sets.follow(null);
    tools.switched();
  };
  const why = (dropped: readonly string[]): SourceView => ({
    is: "queued-runs",
    why:
      dropped.length === 0
        ? "muster:github.source is queued-runs"
        : `GitHub dropped the labels ${dropped.join(", ")} from the pool's scale set, so queued runs are read`,
  });
  const read = (wish: Wish, dropped: readonly string[]) => {
    reading = wish;
    const source = why(dropped);
    queued.runs.serve(name, {
      labels: wish.labels,
      seen: (statistics, news) =>
        tools.report({ is: "demand-seen", pool: name, statistics, news, labelsDropped: dropped, source }),
      failed,
    });
    queued.runs.capacity(name, capacity);
  };
  const failed = (error: unknown) =>
    tools.report({ is: "demand-failed", pool: name, failure: classify(error, name) });
  const stopReading = () => {
    if (!reading) return;
    queued.runs.leave(name);
    reading = null;
  };

  /** Labels that GitHub is known to drop from this very set; null: none, or so long ago that it is tried again. */
  const known = (wish: Wish) => {
    const one = queued.notes.lost().find(({ pool, mark }) => pool === name && mark === wish.mark);
    return one && deps.clock.now() - one.atMs < timings.labelsLostMs ? one.labels : null;
  };

  return {
    follow: (wish, source) => {
      wanted = wish;
      setting = source;
      const dropped =
        wish === null || source === "scale-sets" || tools.enterprise
          ? null
          : source === "queued-runs"
            ? []
            : (known(wish) ?? null);
      if (wish && source === "queued-runs" && tools.enterprise) {
        failed(new GitHubError(noEnterprise(tools.url), { reason: "bad-request" }));
        sets.follow(null);
      } else if (wish && dropped) {
        read(wish, dropped);
        sets.follow(null);
      } else {
        stopReading();
        sets.follow(wish);
      }
    },
    capacity: (jobs) => {
      capacity = jobs;
      sets.capacity(jobs);
      queued.runs.capacity(name, jobs);
    },
    queueUrl: sets.queueUrl,
    usesRest: () => reading !== null,
    mint: async (runner, signal) => {
      if (reading) return queued.runners.mint({ name, ...reading }, runner, signal);
      const set = sets.forRunner();
      if (!set) {
        const words = `registering runner ${runner}: the scale set of pool ${name} is not known yet`;
        throw new GitHubError(words, { reason: "unavailable" });
      }
      try {
        return await mint(set, runner, tools, signal);
      } catch (error) {
        if (error instanceof SetGone) sets.lost(set.id);
        throw error;
      }
    },
    wake: () => {
      sets.wake();
      if (reading) queued.runs.wake();
    },
    stop: async (signal) => {
      reading = null;
      await sets.stop(signal);
    },
  };
}
