/** Clearing away what is finished with: the machine as soon as its agent said goodbye, GitHub's record until it is gone. */
import type { Machine, Registration } from "../world.ts";
import { isAlive } from "../world.ts";
import type { Draft } from "./draft.ts";

export function cleanUp(paper: Draft, machines: readonly Machine[]): void {
  destroy(
    paper,
    machines.filter((machine) => !isAlive(machine) && !machine.gone),
  );
  for (const machine of machines) removeRecord(paper, machine);
}

function destroy(paper: Draft, finished: readonly Machine[]): void {
  const { world, limits } = paper;
  const due = new Map<string, string[]>();
  for (const machine of finished) {
    // Nothing is destroyed on a stale view of its backend.
    const view = world.views[`backend:${machine.backend}`];
    if (view?.is !== "fresh" || paper.now - view.atMs > limits.listFreshMs) continue;
    const said = world.reports[machine.id]?.phase === "ended";
    const silent = machine.enrolledMs === null || machine.stage === "lost";
    if (!said && !silent && !paper.due(machine.stageMs + limits.endGraceMs)) continue;
    if (machine.destroyAskedMs !== null && !paper.due(machine.destroyAskedMs + limits.destroyRetryMs))
      continue;
    due.set(machine.backend, [...(due.get(machine.backend) ?? []), machine.id]);
  }
  for (const [backend, ids] of due) {
    for (let from = 0; from < ids.length; from += limits.launchBatchMax) {
      const part = ids.slice(from, from + limits.launchBatchMax);
      paper.add({ key: `destroy:${backend}:${part[0]}`, do: "destroy", backend, machines: part });
    }
  }
}

/** A record that GitHub may hold for a machine that will not use it (again). */
function removeRecord(paper: Draft, machine: Machine): void {
  const { registration } = machine;
  if (!registration || registration.gone) return;
  const over = !isAlive(machine) || machine.stage === "enrolled";
  const retiring = machine.stage === "retiring"; // the first call is part of `retire`; this repeats a lost one
  const doubted = doubtful(paper, machine);
  if (!over && !retiring && !doubted) return;
  if (doubted) {
    const sinceMs = Math.max(machine.stageMs, registration.removeMs ?? 0, paper.world.resumedMs);
    if (!paper.due(sinceMs + paper.limits.doubtMs)) return;
  } else if (registration.removeMs !== null) {
    // A machine that waits for its next life is asked for soon again: its job has just ended.
    const held = registration.heldBusy && machine.stage !== "enrolled";
    const pause = held ? paper.limits.removeRetryMs : paper.limits.mintRetryMs;
    if (!paper.due(registration.removeMs + pause)) return;
  }
  const runner = runnerAt(paper, registration);
  paper.add({
    key: `remove:${machine.id}:${runner.name}`,
    do: "remove-runner",
    machine: machine.id,
    pool: machine.pool,
    runner,
  });
}

/**
 * Only its agent, or nobody, says that it is busy, or nobody would say that it is not any more: its agent is silent for long, or
 * GitHub's messages for its pool are not read. GitHub refuses to delete the record of a runner that has a job; one that it
 * deletes had none.
 */
function doubtful({ world, limits, due }: Draft, machine: Machine): boolean {
  if (machine.stage !== "busy" || machine.job?.completedMs != null) return false;
  if (machine.spent || machine.job?.startedAtGitHub !== true || !world.config.pools[machine.pool])
    return true;
  const heardMs = world.reports[machine.id]?.atMs ?? machine.enrolledMs ?? machine.stageMs;
  return due(Math.max(heardMs, world.resumedMs) + limits.deadManMs);
}

/** An id is a number of one place only: where `github.url` has changed since, the name alone tells who is meant. */
export const runnerAt = ({ world }: Draft, { id, name, place }: Registration) => ({
  id: place === world.config.github.url ? id : null,
  name,
});
