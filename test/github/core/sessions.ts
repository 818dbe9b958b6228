/** Scale sets and their message sessions. */
import { randomUUID } from "node:crypto";
import { release, statistics } from "./assignment.ts";
import { noStatistics, type Statistics } from "./queue.ts";
import { isBusy, remove } from "./runners.ts";
import type { Sim } from "./sim.ts";
import { sameName, sameScope, type ScaleSet, type ScaleSetSession, type Scope } from "./state.ts";

/** Message ids on github.com begin here (measured). */
const firstMessageId = 100_000_001;

export const setsOf = (sim: Sim, scope: Scope) =>
  [...sim.state.sets.values()].filter((set) => sameScope(set.scope, scope));

export interface NewScaleSet {
  name: string;
  scope: Scope;
  groupId: number;
  /** None: the set's name is its label. */
  labels: readonly string[];
  disableUpdate: boolean;
}

/** Null: the group has one of that name. */
export function createSet(sim: Sim, wanted: NewScaleSet): ScaleSet | null {
  const taken = setsOf(sim, wanted.scope).some(
    (set) => set.groupId === wanted.groupId && sameName(set.name, wanted.name),
  );
  if (taken) return null;
  const all = wanted.labels.length > 0 ? wanted.labels : [wanted.name];
  const labels = all.length > 1 && sim.faults.take("labels-dropped") ? all.slice(0, 1) : all;
  const set: ScaleSet = {
    ...wanted,
    labels,
    id: sim.nextId("scale set"),
    createdMs: sim.clock.now(),
    session: null,
    log: [],
    nextMessageId: firstMessageId,
    jobs: new Set(),
    waiting: new Set(),
  };
  sim.state.sets.set(set.id, set);
  sim.happened({ what: "scale-set-created", scaleSet: set.id, detail: set.name });
  return set;
}

/** Its waiting jobs are anybody's again, its idle runner records go. */
export function deleteSet(sim: Sim, set: ScaleSet): void {
  sim.state.sets.delete(set.id);
  endSession(sim, set, "scale set deleted");
  for (const job of [...set.jobs]) {
    if (job.phase === "offered" || job.phase === "assigned") release(sim, job);
  }
  for (const runner of sim.state.runners.values()) {
    if (runner.set === set && !isBusy(runner)) remove(sim, runner, "scale set deleted");
  }
  sim.happened({ what: "scale-set-deleted", scaleSet: set.id, detail: set.name });
}

const isAlive = (sim: Sim, session: ScaleSetSession) =>
  session.polls > 0 || sim.clock.now() - session.lastSeenMs < sim.options.timings.deadSessionMs;

/** Null: another session is open, or its owner vanished only lately. */
export function openSession(sim: Sim, set: ScaleSet, ownerName: string): ScaleSetSession | null {
  if (set.session && isAlive(sim, set.session)) return null;
  if (set.session) endSession(sim, set, "evicted by a new one");
  set.session = {
    id: randomUUID(),
    ownerName,
    lastSeenMs: sim.clock.now(),
    polls: 0,
    capacity: null,
  };
  // What an earlier session was offered and did not acquire is offered again.
  for (const job of [...set.jobs]) if (job.phase === "offered") release(sim, job);
  sim.happened({ what: "session-opened", scaleSet: set.id, detail: ownerName });
  return set.session;
}

export function endSession(sim: Sim, set: ScaleSet, why: string): void {
  if (!set.session) return;
  set.session = null;
  sim.happened({ what: "session-ended", scaleSet: set.id, detail: why });
}

/** Computed when sent, never stored. */
export const sentStatistics = (sim: Sim, set: ScaleSet): Statistics =>
  sim.faults.take("statistics-zero") ? noStatistics : statistics(sim, set);
