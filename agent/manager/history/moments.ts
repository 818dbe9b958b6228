/**
 * What is remembered of a machine for the sake of the job it ran. Facts of GitHub name a runner, the machine behind
 * that name may be gone when they arrive, so its moments are noted as they pass.
 */
import type { Fact } from "../facts.ts";
import type { Machine, MachineId, Ms, World } from "../world.ts";

export interface Moments {
  machine: MachineId;
  askedMs: Ms;
  startedMs: Ms | null;
  enrolledMs: Ms | null;
  /** The JIT config was minted. */
  registeredMs: Ms | null;
  /** The Listener said so, or ran a job, whichever was seen first. */
  listeningMs: Ms | null;
  /** The agent or GitHub first told of the job of this registration. */
  jobStartedMs: Ms | null;
}

export interface MomentBook {
  /** Notes what the fact changed and returns the runner names whose moments did. Costs O(machines in the fact). */
  follow(fact: Fact, after: World): readonly string[];
  /** By GitHub's runner name; null when no machine of ours had it. */
  of(runner: string, world: World): Moments | null;
}

/** @param namesMax the oldest names beyond it are forgotten. */
export function momentBook(namesMax = 5_000): MomentBook {
  const book = new Map<string, Moments>();
  let searched: World["machines"] | null = null;

  const note = (machine: Machine | undefined): string | null => {
    const name = machine?.registration?.name;
    if (!machine || name === undefined) return null;
    const old = book.get(name) ?? null;
    const next = moments(machine, old);
    if (old && same(old, next)) return null;
    book.set(name, next);
    if (book.size > namesMax) book.delete(book.keys().next().value!);
    return name;
  };

  return {
    follow(fact, after) {
      const changed = machinesOf(fact).map((id) => note(after.machines[id]));
      return changed.filter((name) => name !== null);
    },
    of(runner, world) {
      if (!book.has(runner) && searched !== world.machines) {
        // After a restart: one look at every machine serves all of a message's jobs.
        searched = world.machines;
        for (const machine of Object.values(world.machines)) note(machine);
      }
      return book.get(runner) ?? null;
    },
  };
}

function moments(machine: Machine, old: Moments | null): Moments {
  const { registration, job, stage } = machine;
  const listens = stage === "listening" || stage === "busy" ? machine.stageMs : null;
  return {
    machine: machine.id,
    askedMs: machine.askedMs,
    startedMs: machine.startedMs ?? old?.startedMs ?? null,
    enrolledMs: machine.enrolledMs ?? old?.enrolledMs ?? null,
    registeredMs: registration?.mintedMs ?? old?.registeredMs ?? null,
    listeningMs: old?.listeningMs ?? listens,
    jobStartedMs: old?.jobStartedMs ?? job?.startedMs ?? null,
  };
}

const same = (a: Moments, b: Moments) =>
  (Object.keys(a) as (keyof Moments)[]).every((key) => a[key] === b[key]);

function machinesOf(fact: Fact): readonly MachineId[] {
  switch (fact.is) {
    case "listed":
      return fact.machines.map(({ id }) => id);
    case "launched":
      return fact.machines;
    case "enrolled":
    case "synced":
    case "mint-asked":
    case "minted":
    case "runner-removed":
      return [fact.machine];
    default:
      return [];
  }
}
