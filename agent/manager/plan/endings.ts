/** Machines whose time is over, whatever GitHub wants: deadlines, lost contact, pools that are gone. */
import { gpuProblem, gpusOf } from "../gpus.ts";
import type { Machine, Reason } from "../world.ts";
import { isAlive, servesAgain } from "../world.ts";
import type { Draft } from "./draft.ts";

export function endings(paper: Draft, machines: readonly Machine[]): void {
  let orphans = 0;
  const overdue = overduePools(paper);
  for (const machine of machines) {
    if (!isAlive(machine)) continue;
    const verdict = reason(paper, machine, overdue);
    if (verdict === null) continue;
    // A mistake in who belongs to whom must not end everything at once.
    if (verdict.orphan && !paper.world.draining && ++orphans > paper.limits.sweepShareMax) continue;
    paper.leaving.add(machine.id);
    paper.add({
      key: `end:${machine.id}`,
      do: "end",
      machine: machine.id,
      why: verdict.why,
      failedBoot: verdict.failedBoot,
      ...(verdict.reason ? { reason: verdict.reason } : {}),
    });
  }
}

interface Verdict {
  why: string;
  failedBoot: boolean;
  orphan: boolean;
  reason?: Reason;
}
const verdict = (why: string, more: Partial<Verdict> = {}): Verdict => ({
  why,
  failedBoot: false,
  orphan: false,
  ...more,
});

function reason(paper: Draft, machine: Machine, overdue: ReadonlySet<string>): Verdict | null {
  const { world, limits } = paper;
  if (machine.stage === "busy") return busyReason(paper, machine);
  if (machine.stage === "starting" && !world.config.pools[machine.pool]) {
    // An adopted one that runs a job gets the time to say so.
    return paper.due(machine.stageMs + limits.syncPeriodMs)
      ? verdict("its pool is not in the settings", { orphan: true })
      : null;
  }
  if (machine.stage === "asked" || machine.stage === "starting") {
    // What it began with may not be shown again, so it is started anew; one that has a job says so meanwhile.
    if (machine.slot && machine.spent && paper.due(since(paper, machine.stageMs) + limits.syncLateMs))
      return verdict("it was started before the journal was complete");
    if (paper.due(since(paper, bootFromMs(paper, machine)) + limits.bootDeadlineMs)) {
      return verdict(`it did not enrol within ${limits.bootDeadlineMs / 1_000} s`, { failedBoot: true });
    }
    if (machine.spent && paper.due(since(paper, machine.askedMs) + limits.bootDeadlineMs))
      return verdict("it was launched before the journal was lost");
    return null;
  }
  if (machine.spent) {
    const patienceMs = mayWork(paper, machine) ? limits.deadManMs : limits.syncPeriodMs;
    return paper.due(since(paper, machine.stageMs) + patienceMs)
      ? verdict("it was launched before the journal was lost", { orphan: true })
      : null;
  }
  if (machine.stage === "enrolled" && machine.job !== null && !servesAgain(world, machine))
    return verdict("its job ended");
  const noGpu = withoutGpu(paper, machine);
  if (noGpu !== null)
    return verdict(`${noGpu}: a GPU machine without a working GPU is replaced, not registered`, {
      failedBoot: true,
      reason: "no-gpu",
    });
  if (notReady(paper, machine)) {
    return verdict(`its runner was not unpacked within ${limits.prepareDeadlineMs / 1_000} s`, {
      failedBoot: true,
    });
  }
  if (
    machine.stage === "registered" &&
    paper.due(since(paper, machine.registration?.askedMs ?? machine.stageMs) + limits.registerDeadlineMs)
  ) {
    return verdict(`its runner did not listen within ${limits.registerDeadlineMs / 1_000} s`, {
      failedBoot: true,
    });
  }
  if (
    machine.stage === "retiring" &&
    machine.registration?.gone &&
    paper.due(machine.stageMs + 3 * limits.retireGraceMs + limits.syncPeriodMs)
  ) {
    return verdict("it was idle");
  }
  if (deaf(paper, machine, overdue))
    return verdict("jobs wait for its pool, and it listens without taking one");
  const heardMs = world.reports[machine.id]?.atMs ?? machine.enrolledMs ?? machine.stageMs;
  if (paper.due(since(paper, heardMs) + limits.deadManMs))
    return verdict(`its agent was silent for ${limits.deadManMs / 1_000} s`);
  if (!world.config.pools[machine.pool] && machine.stage === "enrolled")
    return verdict("its pool is gone from the settings", { orphan: true });
  return null;
}

/**
 * A spent machine may run a job that an older copy of the journal knows nothing of, until its agent says that it does not,
 * or, where a runner of it listens, until GitHub has deleted that runner's record.
 */
function mayWork({ world }: Draft, { id, registration }: Machine): boolean {
  const phase = world.reports[id]?.phase;
  if (phase === undefined) return true;
  return registration !== null && (phase === "starting" || phase === "listening");
}

const unregistered = ({ stage, registration }: Machine) => stage === "enrolled" && registration === null;

/** Why it can never take a job of a pool that needs a graphics processor; a driver gets some time to come up. */
function withoutGpu({ world, limits, due }: Draft, machine: Machine): string | null {
  // Of old settings it says nothing of the present ones: it is replaced, and no recipe is blamed.
  if (!unregistered(machine) || machine.recipe !== world.recipes[machine.pool]) return null;
  const problem = gpuProblem(world.config.pools[machine.pool], gpusOf(world, machine));
  const late = () => due((machine.enrolledMs ?? machine.stageMs) + limits.gpuGraceMs);
  return problem !== null && (!problem.mayPass || late()) ? problem.why : null;
}

/** Enrolled for long, and still not able to take a job: it must not stand for a machine that could. */
function notReady(paper: Draft, machine: Machine): boolean {
  if (!unregistered(machine)) return false;
  const { world, limits } = paper;
  return (
    world.reports[machine.id]?.phase !== "ready" &&
    paper.due(since(paper, machine.stageMs) + limits.prepareDeadlineMs)
  );
}

/** What was silent while there was no manager may only not have had the time to speak. */
const since = ({ world }: Draft, ms: number) => Math.max(ms, world.resumedMs);

/** Its agent says that it listens; while a job of its pool waits in vain for long, that is not believed for ever. */
const deaf = (paper: Draft, machine: Machine, overdue: ReadonlySet<string>): boolean =>
  machine.stage === "listening" &&
  overdue.has(machine.pool) &&
  paper.due(since(paper, machine.stageMs) + paper.limits.deafMs);

/** Pools in which a job has been assigned for deafMs and no runner took it. */
function overduePools({ world, limits, due }: Draft): ReadonlySet<string> {
  const overdue = new Set<string>();
  for (const job of Object.values(world.jobs)) {
    if (job.state !== "assigned" || world.views[`demand:${job.pool}`]?.is !== "fresh") continue;
    if (due((job.assignedMs ?? job.seenMs) + limits.deafMs)) overdue.add(job.pool);
  }
  return overdue;
}

function busyReason(paper: Draft, machine: Machine): Verdict | null {
  const { world, limits } = paper;
  const seconds = world.config.pools[machine.pool]?.maxJobSeconds ?? limits.orphanJobMs / 1_000;
  const sinceMs = machine.job?.startedMs ?? machine.stageMs;
  if (paper.due(sinceMs + seconds * 1_000))
    return verdict(`its job ran longer than maxJobTime (${seconds} s)`);
  const endedMs = machine.job?.completedMs ?? null;
  if (endedMs !== null && paper.due(endedMs + limits.jobEndedGraceMs))
    return verdict("GitHub says that its job ended, its runner does not");
  return null;
}

/**
 * While its launch call is out or in doubt it counts as alive: lists decide. Where there are none for long it is given up all
 * the same, or it would stand for ever for a machine that could be had elsewhere.
 */
function bootFromMs({ world, limits }: Draft, machine: Machine): number {
  const launch = world.launches[machine.launch];
  const doubt = machine.stage === "asked" && launch && launch.is !== "settled";
  return doubt ? launch.sentMs + limits.unknownSettleMs + limits.visibilityGraceMs : machine.askedMs;
}
