/** Which scale set gets which job, and when. */
import { isBusy, isOnline } from "./runners.ts";
import { append, jobEntry, type Statistics } from "./queue.ts";
import type { Sim } from "./sim.ts";
import type { GroupOptions } from "../options.ts";
import { sameName, type Job, type JobEntry, type Repository, type ScaleSet, type Scope } from "./state.ts";

/** Every `runs-on` label must be there, whatever its case; nothing is added by GitHub (ARC #3330). */
export function labelsMatch(wanted: readonly string[], offered: readonly string[]): boolean {
  return wanted.length > 0 && wanted.every((label) => offered.some((own) => sameName(own, label)));
}

/** A repository's own runners serve it alone; an organisation's serve all that their group admits. */
export function serves(sim: Sim, scope: Scope, groupId: number, repository: Repository): boolean {
  if (!sameName(scope.owner, repository.owner)) return false;
  if (scope.repo !== null) return sameName(scope.repo, repository.name);
  const group = sim.state.groups.find(({ id }) => id === groupId);
  return group !== undefined && admits(group, repository);
}

/** Whether jobs of the repository may use an organisation's runner group. */
export function admits(group: GroupOptions, repository: Repository): boolean {
  const { visibility = "all", repositories = [], allowsPublicRepositories } = group;
  const chosen = visibility !== "selected" || repositories.some((name) => sameName(name, repository.name));
  if (repository.private) return chosen;
  return chosen && visibility !== "private" && allowsPublicRepositories;
}

const candidate = (sim: Sim, set: ScaleSet, job: Job) =>
  !job.stuck &&
  labelsMatch(job.labels, set.labels) &&
  serves(sim, set.scope, set.groupId, job.run.repository);

/** Queued jobs that this set could take, in order. */
export const heldBack = (sim: Sim, set: ScaleSet) =>
  [...sim.state.queued].filter((job) => candidate(sim, set, job));

/**
 * What a poll does before it looks at the log: takes jobs while those of the set stay below the poll's capacity.
 * github.com assigns them; ghes offers them (github.md section 3). Without the header there is no limit.
 */
export function takeJobs(sim: Sim, set: ScaleSet, capacity: number | null): void {
  if (sim.state.queued.size === 0) return;
  const room = (capacity ?? Infinity) - set.jobs.size;
  if (room <= 0) return;
  const taken = heldBack(sim, set).slice(0, room);
  const entries = taken.map((job) =>
    sim.options.style === "github.com" ? assign(sim, set, job) : offer(sim, set, job),
  );
  append(sim, set, entries);
}

function offer(sim: Sim, set: ScaleSet, job: Job): JobEntry {
  sim.state.queued.delete(job);
  job.set = set;
  job.phase = "offered";
  set.jobs.add(job);
  return jobEntry(sim, job, "JobAvailable");
}

/** Gives the job to the set; the answer is the message's entry. */
export function assign(sim: Sim, set: ScaleSet, job: Job): JobEntry {
  sim.state.queued.delete(job);
  job.set = set;
  job.assignedMs = sim.clock.now();
  job.assignments += 1;
  set.jobs.add(job);
  awaitRunner(sim, set, job);
  sim.happened({ what: "job-assigned", job: job.id, scaleSet: set.id });
  return jobEntry(sim, job, "JobAssigned");
}

/** The job waits for a runner of its set, and is taken away when none comes. */
export function awaitRunner(sim: Sim, set: ScaleSet, job: Job): void {
  job.phase = "assigned";
  job.runner = null;
  job.delivery = null;
  set.waiting.add(job);
  job.stopTimer();
  job.stopTimer = sim.later(sim.options.timings.pickupMs, () => notPickedUp(sim, set, job));
  sim.changes.notify();
}

/** JobCompleted `canceled`, then assigned again; after so many times GitHub gives up (ARC #4602). */
function notPickedUp(sim: Sim, set: ScaleSet, job: Job): void {
  append(sim, set, [jobEntry(sim, job, "JobCompleted", "canceled")]);
  job.stuck = job.assignments > sim.options.maxReassignments;
  release(sim, job);
  if (job.stuck) sim.happened({ what: "job-stuck", job: job.id });
}

/** Back to the queue, free for any set. */
export function release(sim: Sim, job: Job): void {
  job.stopTimer();
  job.set?.jobs.delete(job);
  job.set?.waiting.delete(job);
  job.set = null;
  job.runner = null;
  job.delivery = null;
  job.phase = "queued";
  sim.state.queued.add(job);
  sim.happened({ what: "job-unassigned", job: job.id });
}

/** ghes: the client takes jobs that were offered to its set; answers those that it got. */
export function acquire(sim: Sim, set: ScaleSet, requestIds: readonly number[]): number[] {
  const jobs = [...set.jobs].filter((job) => job.phase === "offered" && requestIds.includes(job.requestId));
  append(
    sim,
    set,
    jobs.map((job) => assign(sim, set, job)),
  );
  return jobs.map((job) => job.requestId);
}

export function statistics(sim: Sim, set: ScaleSet): Statistics {
  const jobs = [...set.jobs];
  const inPhase = (...phases: Job["phase"][]) => jobs.filter((job) => phases.includes(job.phase)).length;
  const runners = [...sim.state.runners.values()].filter((runner) => runner.set === set);
  const online = runners.filter((runner) => isOnline(sim, runner));
  const running = inPhase("running");
  return {
    totalAvailableJobs: heldBack(sim, set).length + inPhase("offered"),
    totalAcquiredJobs: inPhase("assigned", "delivered"),
    totalAssignedJobs: inPhase("assigned", "delivered") + running,
    totalRunningJobs: running,
    totalRegisteredRunners: runners.length,
    totalBusyRunners: runners.filter(isBusy).length,
    totalIdleRunners: online.filter((runner) => !isBusy(runner)).length,
  };
}
