/** What the control object shows: plain JSON, the same in process and over HTTP. Times in milliseconds since 1970. */
import type { Permissions } from "./options.ts";
import type { Conclusion, StepResult } from "./wire.ts";
import { isBusy, isOnline } from "./core/runners.ts";
import { latestJobs, runStatus } from "./core/runs.ts";
import { statistics } from "./core/assignment.ts";
import type { Statistics } from "./core/queue.ts";
import type { Sim } from "./core/sim.ts";
import { scopeName, type Job, type Phase, type Run, type Runner, type ScaleSet } from "./core/state.ts";
import type { TokenKind } from "./core/tokens.ts";

export interface JobSummary {
  id: number;
  /** The `jobId` of the messages. */
  uuid: string;
  runId: number;
  attempt: number;
  key: string;
  name: string;
  labels: readonly string[];
  phase: Phase;
  conclusion: Conclusion | null;
  /** Assigned too often without a runner: GitHub gave up on it. */
  stuck: boolean;
  assignments: number;
  scaleSet: string | null;
  runnerName: string | null;
  queuedMs: number;
  assignedMs: number | null;
  deliveredMs: number | null;
  startedMs: number | null;
  completedMs: number | null;
  outputs: Record<string, string>;
  steps: readonly StepResult[];
  log: string;
}

export const jobSummary = (job: Job): JobSummary => ({
  id: job.id,
  uuid: job.uuid,
  runId: job.run.id,
  attempt: job.attempt,
  key: job.key,
  name: job.name,
  labels: job.labels,
  phase: job.phase,
  conclusion: job.conclusion,
  stuck: job.stuck,
  assignments: job.assignments,
  scaleSet: job.set?.name ?? null,
  runnerName: job.runner?.name ?? null,
  queuedMs: job.queuedMs,
  assignedMs: job.assignedMs,
  deliveredMs: job.deliveredMs,
  startedMs: job.startedMs,
  completedMs: job.completedMs,
  outputs: job.outputs,
  steps: job.stepResults,
  log: job.log,
});

export interface RunSummary {
  id: number;
  number: number;
  attempt: number;
  name: string;
  path: string;
  repository: string;
  status: "queued" | "in_progress" | "completed";
  conclusion: "success" | "failure" | "cancelled" | null;
  createdMs: number;
  /** Why jobs failed before they could be made. */
  problems: string[];
  /** Of the present attempt. */
  jobs: JobSummary[];
}

export const runSummary = (run: Run): RunSummary => ({
  id: run.id,
  number: run.number,
  attempt: run.attempt,
  name: run.name,
  path: run.path,
  repository: `${run.repository.owner}/${run.repository.name}`,
  status: runStatus(run),
  conclusion: run.conclusion,
  createdMs: run.createdMs,
  problems: run.logic.problems?.() ?? [],
  jobs: latestJobs(run).map(jobSummary),
});

export interface RunnerSummary {
  id: number;
  name: string;
  scope: string;
  scaleSet: string | null;
  labels: readonly string[];
  status: "online" | "offline";
  busy: boolean;
  version: string | null;
  createdMs: number;
}

export const runnerSummary = (sim: Sim, runner: Runner): RunnerSummary => ({
  id: runner.id,
  name: runner.name,
  scope: scopeName(runner.scope),
  scaleSet: runner.set?.name ?? null,
  labels: runner.labels,
  status: isOnline(sim, runner) ? "online" : "offline",
  busy: isBusy(runner),
  version: runner.version,
  createdMs: runner.createdMs,
});

export interface ScaleSetSummary {
  id: number;
  name: string;
  scope: string;
  groupId: number;
  labels: readonly string[];
  statistics: Statistics;
  /** Messages that were not deleted. */
  messages: number;
  /** `capacity`: the last poll's X-ScaleSetMaxCapacity. `polling`: a poll is held open now. */
  session: { id: string; ownerName: string; polling: boolean; capacity: number | null } | null;
}

export function scaleSetSummary(sim: Sim, set: ScaleSet): ScaleSetSummary {
  const { session } = set;
  return {
    id: set.id,
    name: set.name,
    scope: scopeName(set.scope),
    groupId: set.groupId,
    labels: set.labels,
    statistics: statistics(sim, set),
    messages: set.log.length,
    session: session && {
      id: session.id,
      ownerName: session.ownerName,
      polling: session.polls > 0,
      capacity: session.capacity,
    },
  };
}

export interface TokenSummary {
  kind: TokenKind;
  /** For whom, without the token itself. */
  holder: unknown;
  permissions: Permissions | "all" | null;
  /** null: it never ends. */
  expiresMs: number | null;
}

const kinds: readonly TokenKind[] = [
  "pat",
  "installation",
  "registration",
  "remove",
  "admin",
  "queue",
  "runner",
  "runtime",
  "job",
];

/** Tokens that are good now. */
export const tokenSummaries = (sim: Sim): TokenSummary[] =>
  kinds.flatMap((kind) =>
    sim.tokens.list(kind).map(({ holder, expiresMs }) => ({
      kind,
      holder,
      permissions: "permissions" in holder ? holder.permissions : null,
      expiresMs: Number.isFinite(expiresMs) ? expiresMs : null,
    })),
  );
