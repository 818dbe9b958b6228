/** Everything the simulated GitHub knows, in one place: plain objects, changed only by the functions of core/. */
import type { KeyObject } from "node:crypto";
import type { GroupOptions } from "../options.ts";
import type { App, Conversion } from "./apps.ts";
import type { BrokerMessage, Conclusion, ReadyJob, StepResult, WorkflowLogic } from "../wire.ts";

/** Where runners and scale sets are registered; `repo` null: the whole organisation. */
export interface Scope {
  owner: string;
  repo: string | null;
}

export interface Repository {
  id: number;
  owner: string;
  name: string;
  private: boolean;
  archived: boolean;
  workspaceSource: string | null;
  createdMs: number;
}

/**
 * queued: no scale set has it. offered: JobAvailable was sent (ghes). assigned: counts for its scale set, no runner yet.
 * delivered: a runner was told of it. running: a runner acquired it.
 */
export type Phase = "queued" | "offered" | "assigned" | "delivered" | "running" | "completed";

export interface Job {
  /** REST id; the messages' `jobId` is {@link Job.uuid}. */
  id: number;
  uuid: string;
  /** `runnerRequestId` of the messages in ghes style. */
  requestId: number;
  run: Run;
  attempt: number;
  key: string;
  name: string;
  labels: readonly string[];
  environment: string | null;
  message: ReadyJob["message"];
  phase: Phase;
  conclusion: Conclusion | null;
  set: ScaleSet | null;
  /** How often it was assigned to a scale set. */
  assignments: number;
  /** Assigned too often without a runner: GitHub gives up on it. */
  stuck: boolean;
  runner: { id: number; name: string; groupId: number } | null;
  /** Names one delivery to one runner (`runner_request_id`). */
  delivery: string | null;
  /** The record went away under a delivered job; see DeleteOutcome. */
  afterDelete: "acquire-fails" | "job-starts" | null;
  cancelRequested: boolean;
  /** JobCompleted was sent or is not to be sent (faults). */
  completionReported: boolean;
  /** Who was first, where milliseconds do not tell. */
  order: { queued: number; completed: number | null };
  queuedMs: number;
  assignedMs: number | null;
  deliveredMs: number | null;
  startedMs: number | null;
  completedMs: number | null;
  log: string;
  outputs: Record<string, string>;
  stepResults: readonly StepResult[];
  /** Cancels the timer of the present phase. */
  stopTimer: () => void;
  stopCancelTimer: () => void;
}

export interface Run {
  id: number;
  number: number;
  attempt: number;
  /** The messages' and artifacts' id of this attempt. */
  planId: string;
  repository: Repository;
  name: string;
  path: string;
  ref: string;
  sha: string;
  eventName: "workflow_dispatch" | "push";
  logic: WorkflowLogic;
  /** Queues what has become ready and notices the end; called after every job's end. */
  advance: () => void;
  /** Makes the logic again, for a re-run. */
  restart: (attempt: number) => Promise<WorkflowLogic>;
  /** All attempts. */
  jobs: Job[];
  /** By key: jobs of an earlier attempt whose result is taken over in this one. */
  kept: Map<string, Job>;
  conclusion: "success" | "failure" | "cancelled" | null;
  createdMs: number;
  startedMs: number;
  updatedMs: number;
}

export interface JobEntry extends Record<string, unknown> {
  messageType: string;
}
export interface QueueMessage {
  id: number;
  entries: readonly JobEntry[];
}

export interface ScaleSet {
  id: number;
  name: string;
  scope: Scope;
  groupId: number;
  labels: readonly string[];
  disableUpdate: boolean;
  createdMs: number;
  session: ScaleSetSession | null;
  /** The queue belongs to the set and outlives sessions. */
  log: QueueMessage[];
  nextMessageId: number;
  /** Offered, assigned, delivered or running here. */
  jobs: Set<Job>;
  /** Those of {@link jobs} that wait for a runner, in order. */
  waiting: Set<Job>;
}

export interface ScaleSetSession {
  id: string;
  ownerName: string;
  lastSeenMs: number;
  /** Polls held open now. */
  polls: number;
  /** The last poll's X-ScaleSetMaxCapacity; null: it sent none. */
  capacity: number | null;
}

/** A runner record. Every one is ephemeral: only JIT configs make them. */
export interface Runner {
  id: number;
  name: string;
  scope: Scope;
  groupId: number;
  set: ScaleSet | null;
  /** Empty for runners of a scale set, which serve what the set was assigned. */
  labels: readonly string[];
  clientId: string;
  publicKey: KeyObject;
  createdMs: number;
  /** From its session. */
  version: string | null;
  session: { id: string; lastSeenMs: number; polls: number } | null;
  /** Delivered or running. */
  job: Job | null;
  /** It acquired the one job that its config is good for. */
  spent: boolean;
  /** Sent until acknowledged. */
  unacknowledged: BrokerMessage | null;
  cancellationSent: boolean;
  stopTimer: () => void;
}

export interface Artifact {
  id: number;
  run: Run;
  jobUuid: string;
  name: string;
  createdMs: number;
  blocks: Map<string, Buffer>;
  content: Buffer;
  digest: string | null;
  finalized: boolean;
  /** What its URLs are signed with. */
  key: string;
}

/** What happened, in order; tests read it to find out who did what when. */
export interface Event {
  atMs: number;
  what:
    | "job-queued"
    | "job-assigned"
    | "job-unassigned"
    | "job-stuck"
    | "job-delivered"
    | "job-started"
    | "job-completed"
    | "runner-registered"
    | "runner-online"
    | "runner-session-ended"
    | "runner-removed"
    | "scale-set-created"
    | "scale-set-deleted"
    | "session-opened"
    | "session-ended"
    | "run-completed"
    | "secondary-limit";
  /** REST ids or names. */
  job?: number;
  runner?: string;
  scaleSet?: number;
  run?: number;
  detail?: string;
}

export interface State {
  repositories: Repository[];
  apps: App[];
  /** By code. */
  conversions: Map<string, Conversion>;
  groups: GroupOptions[];
  sets: Map<number, ScaleSet>;
  runners: Map<number, Runner>;
  runs: Map<number, Run>;
  jobs: Map<number, Job>;
  /** Jobs in phase queued, in order. */
  queued: Set<Job>;
  artifacts: Map<number, Artifact>;
  events: Event[];
}

export const emptyState = (): State => ({
  repositories: [],
  groups: [],
  apps: [],
  conversions: new Map(),
  sets: new Map(),
  runners: new Map(),
  runs: new Map(),
  jobs: new Map(),
  queued: new Set(),
  artifacts: new Map(),
  events: [],
});

export const sameName = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
export const sameScope = (a: Scope, b: Scope) =>
  sameName(a.owner, b.owner) && (a.repo ?? "").toLowerCase() === (b.repo ?? "").toLowerCase();
/** `acme` or `acme/widgets`. */
export const scopeName = (scope: Scope) =>
  scope.repo === null ? scope.owner : `${scope.owner}/${scope.repo}`;
