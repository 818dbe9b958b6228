/** A machine's registration at GitHub: asked, minted, lost, retired, removed. */
import { closed, githubScope, tripped } from "../circuit.ts";
import type { Limits } from "../limits.ts";
import type { Fact } from "../facts.ts";
import type { Machine, Ms, Registration, World } from "../world.ts";
import { circuitKey, isAlive, servesAgain } from "../world.ts";
import { at, changed, end, ordered } from "./machine.ts";

type Of<K extends Fact["is"]> = Extract<Fact, { is: K }>;

const patch = (machine: Machine, part: Partial<Registration>): Machine =>
  machine.registration ? { ...machine, registration: { ...machine.registration, ...part } } : machine;

/** Journalled before the call leaves: whatever comes of it, the name is known and can be removed. */
export function mintAsked(world: World, fact: Of<"mint-asked">, now: Ms): World {
  return changed(world, fact.machine, (machine) => ({
    ...at(machine, "registered", now),
    life: fact.life,
    job: null,
    registration: {
      id: null,
      name: fact.name,
      life: fact.life,
      askedMs: now,
      mintedMs: null,
      gone: false,
      heldBusy: false,
      removeMs: null,
      place: world.config.github.url,
    },
  }));
}

export function minted(world: World, fact: Of<"minted">, now: Ms): World {
  const next = changed(world, fact.machine, (machine) => {
    if (machine.registration?.life !== fact.life) return machine;
    const named = patch(machine, { id: fact.runnerId, mintedMs: now });
    // Finished with while the call was out: the record is removed with the machine.
    if (machine.stage !== "registered") return named;
    return ordered(named, { do: "run", life: fact.life, runnerName: fact.name });
  });
  const pool = world.machines[fact.machine]?.pool;
  if (pool === undefined) return next;
  return { ...next, circuits: closed(next.circuits, (key) => key !== circuitKey(githubScope(pool))) };
}

export function mintFailed(world: World, fact: Of<"mint-failed">, now: Ms, limits: Limits): World {
  const next = changed(world, fact.machine, (machine) => {
    if (machine.registration?.life !== fact.life) return machine;
    const back = machine.stage === "registered" ? at(machine, "enrolled", now) : machine;
    // A record may exist, made by a call whose answer was lost: the name stays until GitHub says that it is gone.
    return fact.sent ? back : { ...back, registration: null };
  });
  return { ...next, circuits: tripped(next.circuits, [fact.failure], now, limits) };
}

export function configLost(world: World, fact: Of<"config-lost">, now: Ms): World {
  return changed(world, fact.machine, (machine) =>
    machine.registration?.life === fact.life && machine.stage === "registered"
      ? { ...at(machine, "enrolled", now), order: null }
      : machine,
  );
}

/** Asked again later, never sooner than GitHub wishes; registering other runners is not held up by it. */
export function removeFailed(world: World, fact: Of<"remove-failed">, now: Ms): World {
  const { retryAfterMs } = fact.failure;
  return changed(world, fact.machine, (machine) => patch(machine, { removeMs: now + (retryAfterMs ?? 0) }));
}

export function retireAsked(world: World, fact: Of<"retire-asked">, now: Ms): World {
  return changed(world, fact.machine, (machine) =>
    isAlive(machine) ? patch(at(machine, "retiring", now), { removeMs: now }) : machine,
  );
}

export function removeAsked(world: World, fact: Of<"remove-asked">, now: Ms): World {
  return changed(world, fact.machine, (machine) => patch(machine, { removeMs: now }));
}

export function runnerRemoved(world: World, fact: Of<"runner-removed">, now: Ms, limits: Limits): World {
  return changed(world, fact.machine, (machine) => {
    if (machine.registration?.name !== fact.name) return machine;
    if (fact.outcome === "busy") {
      const held = patch(machine, { heldBusy: true });
      // A job came between the decision and the call, or its agent hides it: GitHub is believed, the machine serves it. Where
      // machines serve job after job, a record that is busy a moment longer than its agent says is nothing strange.
      const serves =
        machine.stage === "retiring" || (machine.stage === "enrolled" && !servesAgain(world, machine));
      return serves ? at(held, "busy", now) : held;
    }
    const gone = patch(machine, { gone: true, heldBusy: false });
    // No job can run there, whatever its agent says.
    if (machine.stage === "busy") return jobless(gone, now);
    if (machine.stage === "retiring") {
      // The grace begins now, however long GitHub took.
      return ordered({ ...gone, stageMs: now }, { do: "drain", graceSeconds: limits.retireGraceMs / 1_000 });
    }
    // Waiting for its next life: the old name is free now.
    return machine.stage === "enrolled" ? { ...gone, registration: null } : gone;
  });
}

/** As if GitHub had called its job completed: the agent gets the usual time to say so too. */
function jobless(machine: Machine, now: Ms): Machine {
  if (!machine.job) return end(machine, "GitHub has no runner of its name", now);
  return { ...machine, job: { ...machine.job, completedMs: machine.job.completedMs ?? now } };
}
