/** What an agent says of itself. It is believed for detail only: existence is the backend's, jobs are GitHub's. */
import type { LifeEnd } from "../../protocol.ts";
import type { Limits } from "../limits.ts";
import type { Fact } from "../facts.ts";
import { gpusOf, hasWanted } from "../gpus.ts";
import type { Machine, Ms, World } from "../world.ts";
import { isAlive, isDraining, runnerName, servesAgain } from "../world.ts";
import { at, type Boot, booted, changed, end, forgotten } from "./machine.ts";

type Of<K extends Fact["is"]> = Extract<Fact, { is: K }>;

export function enrolled(world: World, fact: Of<"enrolled">, now: Ms, limits: Limits): World {
  const machine = world.machines[fact.machine];
  if (!machine || machine.enrolledMs !== null || !isAlive(machine)) return world;
  const next = changed(world, fact.machine, (old) => ({
    ...at(old, "enrolled", now),
    startedMs: old.startedMs ?? now,
    enrolledMs: now,
    address: fact.address ?? "",
    host: fact.host,
  }));
  // A machine for jobs that need a graphics processor has booted when that works.
  if (!hasWanted(world.config.pools[machine.pool], gpusOf(next, machine))) return next;
  return booted(
    next,
    machine,
    { ok: true, reason: "never-enrolled", detail: "" },
    { boot: null, now, limits },
  );
}

export function synced(world: World, fact: Of<"synced">, now: Ms, limits: Limits): World {
  const machine = world.machines[fact.machine];
  if (!machine) return world;
  const reports = { ...world.reports, [fact.machine]: { ...fact.report, atMs: now } };
  const heard = sawGpu({ ...world, reports }, world, machine, now, limits);
  let boot: Boot | null = null;
  const heardOf = acknowledged(machine, fact.done);
  const moved = move(heardOf, fact, world, now, (outcome) => (boot = outcome));
  if (same(moved, machine)) return heard;
  return changed(heard, fact.machine, () => moved, { boot, now, limits });
}

/** The outcome of its boot, where that waited for a working graphics processor. */
function sawGpu(heard: World, before: World, machine: Machine, now: Ms, limits: Limits): World {
  const pool = heard.config.pools[machine.pool];
  if (!pool?.gpu || machine.stage !== "enrolled") return heard;
  const news = hasWanted(pool, gpusOf(heard, machine)) && !hasWanted(pool, gpusOf(before, machine));
  return news
    ? booted(heard, machine, { ok: true, reason: "no-gpu", detail: "" }, { boot: null, now, limits })
    : heard;
}

const same = (a: Machine, b: Machine) => JSON.stringify(a) === JSON.stringify(b);

function acknowledged(machine: Machine, done: number): Machine {
  // Older journals do not have the field.
  const met = machine.introduced === true ? machine : { ...machine, introduced: true };
  if (done <= machine.doneOrder) return met;
  const order = machine.order && machine.order.id <= done ? null : machine.order;
  return { ...met, doneOrder: done, order };
}

function move(
  machine: Machine,
  fact: Of<"synced">,
  world: World,
  now: Ms,
  boot: (outcome: Boot) => void,
): Machine {
  if (!isAlive(machine)) return machine;
  const { phase, lastLife, problem } = fact.report;
  const here = remembered(machine, fact.life, world.config.github.url, now);
  const inThisLife = here.registration !== null && fact.life === here.registration.life;
  switch (phase) {
    case "preparing":
    case "ready":
      if (inThisLife && lastLife?.life === fact.life) return lifeOver(here, lastLife, world, now, boot);
      return here;
    case "starting":
    case "stopping":
      return here;
    case "listening":
      return here.stage === "registered" ? at(here, "listening", now) : here;
    case "busy":
      return working(here, fact.job, now);
    case "ended": {
      const ran = (inThisLife && lastLife?.ranJob === true) || ranAtGitHub(here);
      const why =
        problem ?? (ran ? "its job ended" : `its agent ended${here.ending ? `: ${here.ending}` : ""}`);
      // Who came as far as a job has booted: what a job makes its agent say must not close the pool to others.
      if (problem !== null && !ran && here.job === null)
        boot({ ok: false, reason: "never-enrolled", detail: problem });
      return end(here, why, now);
    }
  }
}

/** A machine that enrolled at a manager whose journal was lost is here all the same, and so is its registration. */
function remembered(machine: Machine, life: number, place: string, now: Ms): Machine {
  const known = machine.enrolledMs !== null;
  // An older copy of the journal knows an earlier life: the record that its runner has now is another one.
  const older = machine.spent && life > machine.life;
  if (known && !older) return machine;
  const here = known ? { ...machine, life } : { ...at(machine, "enrolled", now), enrolledMs: now, life };
  if (life === 0) return here;
  const registration =
    machine.registration?.life === life
      ? machine.registration
      : forgotten(runnerName(machine.id, life), life, place, now);
  // A spent one waits for nothing: its record is deleted, and GitHub's refusal tells of a job that its agent hides.
  return { ...(machine.spent ? here : at(here, "registered", now)), registration };
}

/** GitHub has called the job of this registration started. */
const ranAtGitHub = ({ job, registration }: Machine): boolean =>
  job?.startedAtGitHub === true && job.runner === registration?.name;

/** The Listener printed "Running job". */
function working(machine: Machine, job: string | null, now: Ms): Machine {
  const runner = machine.registration?.name ?? machine.id;
  // Of an earlier life's job GitHub may never have told the end: this one is another, with a time of its own.
  const present = machine.job?.runner === runner ? machine.job : null;
  const named =
    present && (machine.stage === "busy" || present.completedMs === null)
      ? present
      : {
          name: job ?? "",
          startedMs: now,
          startedAtGitHub: false,
          completedMs: null,
          jobId: null,
          runner,
        };
  return { ...at(machine, "busy", now), job: named };
}

/** One registration came to its end, with or without a job. */
function lifeOver(
  machine: Machine,
  life: LifeEnd,
  world: World,
  now: Ms,
  boot: (outcome: Boot) => void,
): Machine {
  if (machine.stage === "enrolled") return machine; // said before
  const ranJob = life.ranJob || ranAtGitHub(machine);
  const again = servesAgain(world, machine) && !isDraining(world, machine.pool);
  if (!ranJob && (machine.stage === "retiring" || machine.registration?.gone)) {
    // One that always exists only gave its registration back.
    if (!machine.slot || !again) return end(machine, "it was idle", now);
    return {
      ...at(machine, "enrolled", now),
      registration: machine.registration?.gone ? null : machine.registration,
    };
  }
  if (ranJob) {
    if (!again) return end(machine, "its job ended", now);
    // Retired while the job came: the record is gone already, and a new one may be asked for.
    const registration = machine.registration?.gone ? null : machine.registration;
    return { ...at(machine, "enrolled", now), registration };
  }
  const detail =
    life.code === 0
      ? "its Listener ended without a job: GitHub had removed the registration"
      : `its Listener ended without a job (exit code ${life.code ?? "none, by a signal"})`;
  boot({ ok: false, reason: life.code === 0 ? "registration-removed" : "unknown", detail });
  return end(machine, detail, now);
}
