/** Changes of one machine, shared by everything that applies facts. */
import { recipeScope, tripped } from "../circuit.ts";
import type { Limits } from "../limits.ts";
import type {
  Launch,
  Machine,
  MachineId,
  Ms,
  Order,
  Reason,
  Registration,
  Scope,
  Stage,
  World,
} from "../world.ts";
import { circuitKey, isAlive } from "../world.ts";

/** Outcome of a boot for the recipe circuit. */
export interface Boot {
  ok: boolean;
  reason: Reason;
  detail: string;
}
export interface WithBoot {
  boot: Boot | null;
  now: Ms;
  limits: Limits;
}

/** The world with one machine changed; the same world when `change` returns the same machine. */
export function changed(
  world: World,
  id: MachineId,
  change: (machine: Machine) => Machine,
  outcome?: WithBoot,
): World {
  const old = world.machines[id];
  if (!old) return world;
  const machine = change(old);
  if (machine === old) return world;
  const next = { ...world, machines: { ...world.machines, [id]: machine } };
  return outcome?.boot ? booted(next, machine, outcome.boot, outcome) : next;
}

export function at(machine: Machine, stage: Stage, now: Ms): Machine {
  return machine.stage === stage ? machine : { ...machine, stage, stageMs: now };
}

export const nextOrderId = (machine: Machine): number =>
  Math.max(machine.doneOrder, machine.order?.id ?? 0) + 1;

export function ordered(
  machine: Machine,
  order:
    | Omit<Order & { do: "drain" }, "id">
    | Omit<Order & { do: "end" }, "id">
    | Omit<Order & { do: "run" }, "id">,
): Machine {
  return { ...machine, order: { ...order, id: nextOrderId(machine) } };
}

/** A registration that GitHub may hold and that nobody here remembers. */
export const forgotten = (name: string, life: number, place: string, now: Ms): Registration => ({
  id: null,
  name,
  life,
  askedMs: now,
  mintedMs: now,
  gone: false,
  heldBusy: false,
  removeMs: null,
  place,
});

/** Finished with: the agent is told to end; GitHub's record and the machine itself are cleared away by plan. */
export function end(machine: Machine, why: string, now: Ms): Machine {
  if (!isAlive(machine)) return machine;
  return ordered({ ...at(machine, "done", now), ending: why }, { do: "end", reason: why });
}

/** Gone without our doing. */
export function lose(machine: Machine, why: string, now: Ms): Machine {
  if (!isAlive(machine)) return machine;
  return { ...at(machine, "lost", now), ending: why, order: null };
}

/** Remembers how a boot went; too many failures among the last open the recipe's circuit, a success closes it. */
export function booted(world: World, machine: Machine, boot: Boot, { now, limits }: WithBoot): World {
  // Of a pool that nobody knows there is no recipe to blame, and its name may be anything.
  if (!world.config.pools[machine.pool]) return world;
  // What ails a machine that always exists is its own: machines that are made from the same recipe may be well.
  const scope: Scope = machine.slot
    ? { on: "offer", key: machine.offer }
    : recipeScope(machine.pool, machine.backend);
  const key = circuitKey(scope);
  const outcomes = [...(world.boots[scope.key] ?? []), boot.ok].slice(-limits.bootsKept);
  const failures = outcomes.filter((ok) => !ok).length;
  const next = { ...world, boots: { ...world.boots, [scope.key]: outcomes } };
  const circuit = world.circuits[key];
  if (boot.ok) {
    // The probe came up: the pause is over for everybody.
    if (!circuit || (circuit.is === "open" && now < circuit.untilMs)) return next;
    const circuits = { ...next.circuits };
    delete circuits[key];
    return { ...next, circuits, boots: { ...next.boots, [scope.key]: [true] } };
  }
  if (failures < limits.bootFailuresMax) return next;
  const failure = { reason: boot.reason, scope, detail: boot.detail, retryAfterMs: null };
  return { ...next, circuits: tripped(next.circuits, [failure], now, limits) };
}

/** Drops machines whose every trace is gone, and launches without machines. */
export function forgetFinished(world: World, now: Ms, limits: Limits): World {
  const traced = ({ gone, registration, job }: Machine) =>
    !gone ||
    (registration !== null && !registration.gone) ||
    // GitHub's figures may still call its job waiting: who forgot it would start another machine.
    (job !== null && !job.startedAtGitHub && now - job.startedMs < limits.startConfirmMs);
  const over = Object.values(world.machines).filter((machine) => !isAlive(machine) && !traced(machine));
  const machines = over.length === 0 ? world.machines : { ...world.machines };
  const reports = over.length === 0 ? world.reports : { ...world.reports };
  for (const { id } of over) {
    delete (machines as Record<string, Machine>)[id];
    delete (reports as Record<string, unknown>)[id];
  }
  const used = new Set(Object.values(machines).map((machine) => machine.launch));
  const doubtMs = limits.unknownSettleMs + limits.visibilityGraceMs;
  const open = ({ is, sentMs }: Launch) => is === "in-flight" || (is === "unknown" && now - sentMs < doubtMs);
  const launches = Object.values(world.launches).filter((launch) => open(launch) || used.has(launch.id));
  if (over.length === 0 && launches.length === Object.keys(world.launches).length) return world;
  return {
    ...world,
    machines,
    reports,
    launches: Object.fromEntries(launches.map((launch) => [launch.id, launch])),
  };
}
