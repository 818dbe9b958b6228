/** Jobs whose machine a cloud took away: what is known of each, and what became of its re-run. */
import type { MachineId, Ms, PoolName } from "./world.ts";

/** How it stands with a lost job; docs/reasons.md has a paragraph for each. */
export const rerunReasons = ["rerun-waits", "rerun-refused", "rerun-made", "rerun-left"] as const;
export type RerunReason = (typeof rerunReasons)[number];

export interface Loss {
  /** GitHub's runner name: it served this one job, and is never used again. */
  id: string;
  pool: PoolName;
  machine: MachineId;
  /** What took the machine, in the cloud's words. */
  why: string;
  /** When the cloud said so. */
  lostMs: Ms;
  /** As the Listener printed it, or as GitHub names it. */
  name: string;
  /** As the messages call it; null while none named it. */
  jobId: string | null;
  /** `acme/widgets` and the workflow run; null while GitHub has not named this runner's job. */
  repository: string | null;
  run: number | null;
  reason: RerunReason;
  /** One sentence. */
  detail: string;
  /** Since when the reason is this one. */
  sinceMs: Ms;
  /** When a call that re-runs it first left whose effect is not known to be none; null: there was none. */
  askedMs: Ms | null;
  /** Calls that may have had an effect. */
  sends: number;
  /** GitHub is asked again then, while it waits or was refused. */
  lookMs: Ms;
  /** Looks in a row that brought nothing new: the pause grows. */
  looks: number;
}

/** Nothing was decided yet. */
export const isOpenLoss = ({ reason }: Pick<Loss, "reason">): boolean =>
  reason === "rerun-waits" || reason === "rerun-refused";

/** What a look at the run, or a call, came to for one loss. */
export interface Verdict {
  id: Loss["id"];
  /** As GitHub's REST API names the job; null: it did not say. */
  name: string | null;
  reason: RerunReason;
  detail: string;
}

/** Re-runs of one run at a time: everything in it that failed, or one job (REST id). */
export type RerunCall =
  { do: "failed"; losses: readonly string[] } | { do: "job"; job: number; losses: readonly string[] };

/** A job of a run in one of its attempts, as GitHub's REST API tells. */
export interface SeenJob {
  id: number;
  name: string;
  attempt: number;
  runner: string | null;
  /** `success`, `failure`, `cancelled` ...; null before its end. */
  conclusion: string | null;
  startedMs: Ms | null;
  completedMs: Ms | null;
}
export interface SeenRun {
  attempt: number;
  completed: boolean;
  conclusion: string | null;
  /** Of the latest attempt, and of earlier ones where there are any; empty while the run is in progress. */
  jobs: readonly SeenJob[];
  /** No job is missing. */
  whole: boolean;
  /** Ids of jobs that deployed to an environment; a sentence: why nobody can say. */
  deployed: ReadonlySet<number> | string;
}
