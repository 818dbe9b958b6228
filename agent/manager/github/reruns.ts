/**
 * Workflow runs whose jobs lost their machine: what GitHub says of them, and running them again. Its lists of jobs do not tell
 * which have an `environment`; that is told by the deployments since the run began, whose statuses name the job.
 */
import * as z from "zod";
import type { Deps } from "../deps.ts";
import type { RerunCall, SeenJob, SeenRun } from "../losses.ts";
import { GitHubError } from "./errors.ts";
import type { Rest } from "./login.ts";
import { makePoints } from "./queued/points.ts";
import { makeQuota } from "./queued/quota.ts";
import { isMissing, makeReader, type Reader } from "./queued/reader.ts";
import { time } from "./schemas.ts";
import type { Ms } from "../world.ts";
import type { Timings } from "./timings.ts";

export interface Reruns {
  /** As ports.ts has seeRun. */
  see(
    repository: string,
    run: number,
    runners: readonly string[],
    signal: AbortSignal,
  ): Promise<SeenRun | null>;
  /** As ports.ts has rerun. */
  make(repository: string, run: number, call: RerunCall, signal: AbortSignal): Promise<"taken" | "busy">;
}
export interface RerunTools {
  /** With the right to run jobs again. */
  rest: () => Rest;
  /** With the right to read deployments: used only where a repository has environments. */
  deployments: () => Rest;
  timings: Timings;
  deps: Deps;
}

const runShape = z.object({
  status: z.string(),
  conclusion: z.string().nullable().catch(null).default(null),
  run_attempt: z.int().min(1).catch(1).default(1),
  created_at: time,
});
const jobShape = z
  .object({
    id: z.int(),
    name: z.string(),
    run_attempt: z.int().min(1).catch(1).default(1),
    conclusion: z.string().nullable().catch(null).default(null),
    runner_name: z.string().nullable().catch(null).default(null),
    started_at: time,
    completed_at: time,
  })
  .transform((job): SeenJob => ({
    id: job.id,
    name: job.name,
    attempt: job.run_attempt,
    runner: job.runner_name === "" ? null : job.runner_name,
    conclusion: job.conclusion,
    startedMs: job.started_at,
    completedMs: job.completed_at,
  }));
const jobsShape = z
  .object({ total_count: z.int().catch(0).default(0), jobs: z.array(jobShape) })
  .transform(({ total_count: total, jobs }) => ({ total, items: jobs }));
const environmentsShape = z.object({ total_count: z.int() });
const bare = <T>(item: z.ZodType<T>) => z.array(item).transform((items) => ({ total: items.length, items }));
const deploymentsShape = bare(z.object({ id: z.int(), created_at: time }));
const statusesShape = bare(
  z.object({
    log_url: z.string().nullable().catch(null).default(null),
    target_url: z.string().nullable().catch(null).default(null),
  }),
);

/** Deployments since the run began that are looked at. */
const deploymentsMax = 200;

/** True where GitHub answered, and so did nothing. Without an answer, or after an error of its own, nobody knows. */
export const hadNoEffect = (error: unknown): boolean =>
  error instanceof GitHubError && error.status !== null && error.status < 500;

export function makeReruns({ rest, deployments, timings, deps }: RerunTools): Reruns {
  const points = makePoints(timings, deps);
  const quota = makeQuota(timings, deps);
  const reader = makeReader(rest, points, quota, timings);
  const deploymentReader = makeReader(deployments, points, quota, timings);
  /** What was refused is said once, until it is granted. */
  let said = "";
  const refused = (error: unknown, repository: string) => {
    const { reason, message } = error as Partial<GitHubError>;
    if (reason !== "denied" && reason !== "bad-request") return;
    if (said !== reason + repository)
      deps.log.warn({ repository, why: message }, "lost jobs are not run again: GitHub refuses it");
    said = reason + repository;
  };

  const see = async (repository: string, run: number, runners: readonly string[], signal: AbortSignal) => {
    const base = `/repos/${pathOf(repository)}`;
    const what = `reading run ${run} of ${repository}`;
    const found = await reader
      .one(what, `${base}/actions/runs/${run}`, runShape, signal)
      .catch((error: unknown) => {
        if (isMissing(error)) return null;
        throw error;
      });
    if (found === null) return null;
    const seen = { attempt: found.run_attempt, conclusion: found.conclusion };
    if (found.status !== "completed")
      return { ...seen, completed: false, jobs: [], whole: false, deployed: new Set<number>() };
    const list = (filter: "latest" | "all") =>
      reader.all(`${what}: its jobs`, `${base}/actions/runs/${run}/jobs?filter=${filter}`, jobsShape, signal);
    const { items, whole } = await list(found.run_attempt === 1 ? "latest" : "all");
    const lost = items.filter(({ runner }) => runner !== null && runners.includes(runner));
    const matters = lost.some(({ conclusion }) => conclusion !== "success" && conclusion !== "skipped");
    const deployed = matters
      ? await deployedIn({ repository, base, run, sinceMs: found.created_at ?? 0, jobs: items }, signal)
      : new Set<number>();
    return { ...seen, completed: true, jobs: items, whole, deployed };
  };

  /** Ids of jobs that deployed, or why nobody can say. */
  const deployedIn = async (place: Place, signal: AbortSignal): Promise<ReadonlySet<number> | string> => {
    const { repository, base } = place;
    const environments = await reader
      .one(
        `reading the environments of ${repository}`,
        `${base}/environments?per_page=1`,
        environmentsShape,
        signal,
      )
      .then(({ total_count: total }) => total)
      .catch((error: unknown) => {
        if (hadNoEffect(error)) return null;
        throw error;
      });
    if (environments === 0) return new Set();
    try {
      return await readDeployments(deploymentReader, place, signal);
    } catch (error) {
      if (!(error instanceof GitHubError) || error.reason !== "denied") throw error;
      refused(error, repository);
      return `whether it deploys cannot be read: ${error.message}`;
    }
  };

  const make: Reruns["make"] = async (repository, run, call, signal) => {
    const base = `/repos/${pathOf(repository)}/actions`;
    const route =
      call.do === "failed"
        ? `POST ${base}/runs/${run}/rerun-failed-jobs`
        : `POST ${base}/jobs/${call.job}/rerun`;
    const what =
      call.do === "failed"
        ? `running the failed jobs of run ${run} of ${repository} again`
        : `running job ${call.job} of ${repository} again`;
    await points.write(what, signal);
    try {
      await rest().ask({ what, route, once: true }, signal);
    } catch (error) {
      if (isBusy(error)) return "busy";
      throw error;
    }
    said = "";
    return "taken";
  };
  const telling =
    <A extends [string, ...unknown[]], T>(call: (...args: A) => Promise<T>) =>
    (...args: A): Promise<T> =>
      call(...args).catch((error: unknown) => {
        refused(error, args[0]);
        throw error;
      });
  return { see: telling(see), make: telling(make) };
}

/** 403 while the run is in progress (cli/cli #9221): its words are the only mark. */
const isBusy = (error: unknown) =>
  error instanceof GitHubError &&
  (error.status === 403 || error.status === 409) &&
  /already running|in progress/i.test(error.message);

interface Place {
  repository: string;
  base: string;
  run: number;
  /** When the run began. */
  sinceMs: Ms;
  jobs: readonly SeenJob[];
}
async function readDeployments(
  reader: Reader,
  { repository, base, run, sinceMs, jobs }: Place,
  signal: AbortSignal,
): Promise<ReadonlySet<number> | string> {
  const what = `reading the deployments of ${repository}`;
  // Newest first. Not asked for by commit: a pull request's jobs run on another one than its run names.
  const found = await reader.all(what, `${base}/deployments`, deploymentsShape, signal);
  const since = found.items.filter(({ created_at: ms }) => ms === null || ms >= sinceMs);
  const older = found.whole || since.length < found.items.length;
  if (!older || since.length > deploymentsMax)
    return `whether it deploys is not looked up: there are more than ${deploymentsMax} deployments since its run began`;
  const deployed = new Set<number>();
  for (const { id } of since) {
    const statuses = await reader.all(what, `${base}/deployments/${id}/statuses`, statusesShape, signal);
    for (const { log_url: log, target_url: target } of statuses.items) {
      const named = jobOf(log ?? target ?? "", run);
      // The run alone is named: it could be any of its jobs.
      for (const job of named === "any" ? jobs.map((one) => one.id) : named === null ? [] : [named])
        deployed.add(job);
    }
  }
  // An attempt shows what it took over under ids of its own, with the runner that it ran on.
  const runners = new Set(jobs.flatMap(({ id, runner }) => (deployed.has(id) && runner ? [runner] : [])));
  for (const { id, runner } of jobs) if (runner !== null && runners.has(runner)) deployed.add(id);
  return deployed;
}

/** Of `https://HOST/OWNER/NAME/actions/runs/RUN/job/JOB`, as Actions writes it into its deployments' statuses. */
function jobOf(url: string, run: number): number | "any" | null {
  const parts = /\/actions\/runs\/(\d+)(?:\/(?:attempts\/\d+\/)?jobs?\/(\d+))?/.exec(url);
  if (!parts || Number(parts[1]) !== run) return null;
  return parts[2] === undefined ? "any" : Number(parts[2]);
}

/** Of a message, so from outside: what is no repository's name leads nowhere else. */
function pathOf(repository: string): string {
  const parts = repository.split("/");
  const plain = parts.length === 2 && parts.every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part));
  if (plain) return repository;
  throw new GitHubError(`"${repository}" is not the name of a repository`, {
    reason: "bad-request",
    status: 404,
  });
}
