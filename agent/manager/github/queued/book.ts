/**
 * The runs that are not over and their jobs, as they were last read. Lists of runs only add here, for they are read one
 * status after another while runs change theirs; what is over is told by a run's own jobs. So nothing that was not read,
 * or only in part, is ever taken for gone.
 */
import type { Ms, PoolName } from "../../world.ts";
import type { NotedJob } from "./notes.ts";
import type { JobEntry, RunEntry } from "./schemas.ts";

/** waiting: for a runner. running: on one. over. held: by GitHub itself (a concurrency group, an approval). unread: known from notes only. */
export type JobIs = "waiting" | "running" | "over" | "held" | "unread";
export type Told = "nothing" | "queued" | "assigned" | "started" | "completed";

export interface KnownJob {
  id: string;
  run: KnownRun;
  name: string;
  labels: readonly string[];
  is: JobIs;
  createdMs: Ms | null;
  runner: string | null;
  /** GitHub's word: `success`, `failure`, `cancelled` ... */
  conclusion: string | null;
  pool: PoolName | null;
  told: Told;
}
export interface KnownRun {
  repository: string;
  id: number;
  workflowRef: string;
  /** What the lists said last; a change means that its jobs changed. */
  mark: string;
  status: string;
  /** In the lists of the last whole look. */
  listed: boolean;
  /** Its jobs are to be read then. */
  dueMs: Ms;
  hotUntilMs: Ms;
  /** Null: its jobs were never read. */
  readMs: Ms | null;
  jobs: Map<string, KnownJob>;
}

export interface Book {
  runs(): Iterable<KnownRun>;
  jobs(): KnownJob[];
  /** Those found in a repository's lists; `whole`: nothing is missing from them. */
  listed(repository: string, runs: readonly RunEntry[], whole: boolean, now: Ms): void;
  /** A run's jobs; `whole`: nothing is missing. Answers those that were open and are missing: they are to be asked for alone. */
  read(run: KnownRun, jobs: readonly JobEntry[], whole: boolean, now: Ms): KnownJob[];
  /** One job; null: GitHub does not know it any more. */
  readJob(job: KnownJob, entry: JobEntry | null): void;
  /** GitHub does not know the run any more. */
  gone(run: KnownRun): void;
  /** Forgets runs that are over once everything was told of them. */
  forgetOver(): void;
}

export function makeBook(noted: readonly NotedJob[]): Book {
  const runs = new Map<string, KnownRun>();
  const runOf = (repository: string, id: number): KnownRun => {
    const key = `${repository.toLowerCase()}#${id}`;
    const known = runs.get(key);
    if (known) return known;
    const run: KnownRun = {
      repository,
      id,
      workflowRef: "",
      mark: "",
      status: "",
      listed: false,
      dueMs: 0,
      hotUntilMs: 0,
      readMs: null,
      jobs: new Map(),
    };
    runs.set(key, run);
    return run;
  };
  for (const { repository, run: runId, workflowRef, ...job } of noted) {
    const run = runOf(repository, runId);
    run.workflowRef = workflowRef;
    run.jobs.set(job.id, { ...nothingKnown, ...job, run });
  }

  return {
    runs: () => runs.values(),
    jobs: () => [...runs.values()].flatMap((run) => [...run.jobs.values()]),
    listed: (repository, entries, whole, now) => {
      const found = new Set<KnownRun>();
      for (const entry of entries) {
        const run = runOf(repository, entry.id);
        found.add(run);
        run.listed = true;
        run.status = entry.status;
        run.workflowRef = refOf(repository, entry);
        const mark = `${entry.status} ${entry.run_attempt} ${entry.updated_at}`;
        if (mark !== run.mark) run.dueMs = now;
        run.mark = mark;
      }
      if (!whole) return;
      for (const run of runs.values()) {
        if (run.repository !== repository || found.has(run) || !run.listed) continue;
        // Over, or between two lists: its jobs will tell.
        run.listed = false;
        run.dueMs = now;
      }
    },
    read: (run, entries, whole, now) => {
      run.readMs = now;
      const seen = new Set(entries.map(({ id }) => String(id)));
      for (const entry of entries) put(run, entry);
      if (!whole) return [];
      return [...run.jobs.values()].filter((job) => {
        if (seen.has(job.id)) return false;
        // Over before, and not of the run's latest attempt.
        if (job.is === "over" && (job.told === "completed" || job.told === "nothing"))
          run.jobs.delete(job.id);
        return isOpen(job);
      });
    },
    readJob: (job, entry) => {
      if (entry) put(job.run, entry);
      else Object.assign(job, { is: "over", conclusion: null });
    },
    gone: (run) => {
      run.listed = false;
      for (const job of run.jobs.values()) if (isOpen(job)) job.is = "over";
    },
    forgetOver: () => {
      for (const [key, run] of runs) {
        const done = [...run.jobs.values()].every(
          (job) => !isOpen(job) && (job.told === "nothing" || job.told === "completed"),
        );
        if (!run.listed && run.readMs !== null && done) runs.delete(key);
      }
    },
  };
}

const nothingKnown = {
  name: "",
  labels: [],
  is: "unread",
  createdMs: null,
  runner: null,
  conclusion: null,
  pool: null,
  told: "nothing",
} as const;

export const isOpen = ({ is }: KnownJob): boolean => is !== "over";

const isOf = (status: string): JobIs =>
  status === "queued"
    ? "waiting"
    : status === "in_progress"
      ? "running"
      : status === "completed"
        ? "over"
        : "held";

function put(run: KnownRun, entry: JobEntry): void {
  const id = String(entry.id);
  const old = run.jobs.get(id) ?? { ...nothingKnown, id, run };
  // Answers may cross: what is over stays over.
  const is = old.is === "over" ? "over" : isOf(entry.status);
  run.jobs.set(
    id,
    Object.assign(old, {
      name: entry.name,
      labels: entry.labels.map((label) => label.toLowerCase()),
      is,
      createdMs: entry.created_at,
      runner: entry.runner_name,
      conclusion: entry.conclusion,
    }),
  );
}

/** As the scale set service words it: `acme/widgets/.github/workflows/build.yml@refs/heads/main`. */
const refOf = (repository: string, { path, head_branch: branch }: RunEntry): string =>
  path === "" ? "" : `${repository}/${path.split("@")[0]}${branch === "" ? "" : `@refs/heads/${branch}`}`;
