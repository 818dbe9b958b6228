/** The world a manager begins with: what its journal remembers, nothing seen yet. */
import { withRecipes } from "./apply.ts";
import { forgotten } from "./apply/machine.ts";
import type { Journal } from "./journal.ts";
import { journalQuietMs, type Limits } from "./limits.ts";
import type { Backend } from "./ports.ts";
import { offersOf, recipes, type Settings } from "./settings.ts";
import type { Launch, Machine, Ms, Stage, World } from "./world.ts";
import { runnerName } from "./world.ts";

export interface StartWorldOptions {
  settings: Settings;
  journal: Journal;
  backends: ReadonlyMap<string, Backend>;
  limits: Limits;
  now: Ms;
}

export function startWorld({ settings, journal, backends, limits, now }: StartWorldOptions): World {
  // A clock that was set back since must not put every deadline off.
  const past = <T>(entry: T): T =>
    JSON.parse(JSON.stringify(entry), (key, value: unknown) =>
      key.endsWith("Ms") && typeof value === "number" ? Math.min(value, now) : value,
    ) as T;
  // A backend whose lists show at once what was made needs no pause after a lost journal.
  const consistent = [...backends.values()].every((backend) => backend.consistent);
  const quietMs = Math.min(journal.completeSinceMs, now) + journalQuietMs(limits);
  return {
    config: settings.config,
    configHash: settings.hash,
    recipes: recipes(settings.config),
    completeSinceMs: journal.completeSinceMs,
    resumedMs: now,
    launchesFromMs: consistent ? now : Math.max(now, quietMs),
    journalWritable: true,
    draining: journal.draining,
    drainingPools: [],
    views: {},
    demand: {},
    access: {},
    credential: null,
    jobs: {},
    offers: offersOf(settings.config, backends),
    machines: withRecipes(
      Object.fromEntries(
        journal.machines
          .map(past)
          .map((machine) => [
            machine.id,
            journal.whole ? resumed(machine, now) : spent(machine, settings.config.github.url, now),
          ]),
      ),
      recipes(settings.config),
    ),
    reports: {},
    launches: Object.fromEntries(journal.launches.map(past).map((launch) => [launch.id, inDoubt(launch)])),
    losses: Object.fromEntries(
      journal.losses.map(past).map((loss) => [
        loss.id,
        // A call of the last manager may still be on its way.
        { ...loss, lookMs: now + (loss.sends > 0 ? limits.rerunSettleMs : 0), looks: 0 },
      ]),
    ),
    circuits: {},
    boots: {},
  };
}

/** Calls that were out when the last manager ended have an unknown outcome. */
const inDoubt = (launch: Launch): Launch =>
  launch.is === "in-flight" ? { ...launch, is: "unknown" } : launch;

/**
 * What an older copy remembers of a machine may be long over: it may finish, is never enrolled again nor registered, and
 * its record is looked for although the copy knows of none. Whether it waits for a job, GitHub says by deleting that record.
 */
function spent(machine: Machine, place: string, now: Ms): Machine {
  const life = Math.max(1, machine.life);
  const registration = machine.registration ?? forgotten(runnerName(machine.id, life), life, place, now);
  const stage = waiting.has(machine.stage) ? "enrolled" : machine.stage;
  return { ...machine, stage, spent: true, order: null, registration };
}

const waiting: ReadonlySet<Stage> = new Set<Stage>(["registered", "listening", "retiring"]);

function resumed(machine: Machine, now: Ms): Machine {
  const { registration } = machine;
  // The mint's answer went to a manager that is gone: its record, if any, is removed by name before the next.
  if (machine.stage === "registered" && registration?.mintedMs === null) {
    return { ...machine, stage: "enrolled", stageMs: now, order: null };
  }
  return machine;
}
