/** A scale set's message queue: what is written to it, and its statistics. */
import type { Conclusion } from "../wire.ts";
import type { Sim } from "./sim.ts";
import type { Job, JobEntry, QueueMessage, ScaleSet } from "./state.ts";

/** At most so many entries in one message's body (github.md 1.7). */
export const maxEntries = 50;
/** What .NET sends for a time that is not yet. */
const never = "0001-01-01T00:00:00Z";

export const time = (ms: number | null) => (ms === null ? never : new Date(ms).toISOString());

export type EntryType = "JobAvailable" | "JobAssigned" | "JobStarted" | "JobCompleted";

/** How the messages word a job's end; a skipped job never reaches a queue. */
const results: Record<Conclusion, string> = {
  succeeded: "succeeded",
  failed: "failed",
  canceled: "canceled",
  skipped: "canceled",
};

/** One entry of a message's body; on github.com `runnerRequestId` is 0 (measured there). */
export function jobEntry(sim: Sim, job: Job, messageType: EntryType, result?: Conclusion): JobEntry {
  const { run } = job;
  const { owner, name } = run.repository;
  const runner = { runnerId: job.runner?.id ?? 0, runnerName: job.runner?.name ?? "" };
  return {
    messageType,
    runnerRequestId: sim.options.style === "github.com" ? 0 : job.requestId,
    ownerName: owner,
    repositoryName: name,
    jobId: job.uuid,
    jobWorkflowRef: `${owner}/${name}/${run.path}@${run.ref}`,
    jobDisplayName: job.name,
    workflowRunId: run.id,
    eventName: run.eventName,
    requestLabels: [...job.labels],
    queueTime: time(job.queuedMs),
    scaleSetAssignTime: time(job.assignedMs),
    runnerAssignTime: time(job.startedMs),
    finishTime: time(job.completedMs),
    ...(messageType === "JobAvailable" && {
      acquireJobUrl: `${sim.origin}/_services/pipelines/_apis/runtime/runnerscalesets/${job.set?.id}/acquirejobs`,
    }),
    ...(messageType === "JobStarted" && runner),
    ...(messageType === "JobCompleted" && { ...runner, result: results[result ?? "canceled"] }),
  };
}

/** Appends entries in messages of at most {@link maxEntries}. */
export function append(sim: Sim, set: ScaleSet, entries: readonly JobEntry[]): void {
  for (let from = 0; from < entries.length; from += maxEntries) {
    set.log.push({ id: set.nextMessageId++, entries: entries.slice(from, from + maxEntries) });
  }
  if (entries.length > 0) sim.changes.notify();
}

/** The first message that was not deleted and has an id above `after`. */
export const firstAfter = (set: ScaleSet, after: number): QueueMessage | null =>
  set.log.find((message) => message.id > after) ?? null;

export function deleteMessage(set: ScaleSet, id: number): boolean {
  const at = set.log.findIndex((message) => message.id === id);
  if (at >= 0) set.log.splice(at, 1);
  return at >= 0;
}

export interface Statistics {
  /** Held back or offered: not yet this set's. */
  totalAvailableJobs: number;
  /** This set's, waiting for a runner. */
  totalAcquiredJobs: number;
  /** This set's, waiting or running: what a client scales on. */
  totalAssignedJobs: number;
  totalRunningJobs: number;
  totalRegisteredRunners: number;
  totalBusyRunners: number;
  totalIdleRunners: number;
}

export const noStatistics: Statistics = {
  totalAvailableJobs: 0,
  totalAcquiredJobs: 0,
  totalAssignedJobs: 0,
  totalRunningJobs: 0,
  totalRegisteredRunners: 0,
  totalBusyRunners: 0,
  totalIdleRunners: 0,
};
