/** Invariants 3, 5 and 15: what is ended, on which grounds. */
import type { Fact } from "../../../agent/manager/facts.ts";
import type { Statistics, World } from "../../../agent/manager/world.ts";
import type { Checks } from "../checker.ts";
import type { SimEvent } from "../events.ts";
import type { SimJob } from "../fakes/jobs.ts";

export function makeEndingCheck({ fail, github, limits, now, settings, faults }: Checks) {
  /** Of the present manager: its last list of each backend, and GitHub's last figures. */
  const lists = new Map<string, { ok: boolean; startedMs: number }>();
  const figures = new Map<string, Statistics>();
  const silent = new Set<string>();

  const jobOn = (machine: string): SimJob | undefined =>
    [...github.jobs.values()].find(
      ({ state, runner }) => state === "running" && (runner === machine || runner?.startsWith(`${machine}-`)),
    );
  /** Why a machine with a running job may be ended. */
  const reasonFor = (machine: string, job: SimJob): string | null => {
    if (silent.has(machine)) return "its agent is dead";
    // Between two runs of the manager only the wall clock tells how long a job has run.
    if (faults["clock-jump"] && (settings().pools[job.pool]?.maxJobSeconds ?? 0) < 600)
      return "the clock jumped";
    const seconds = settings().pools[job.pool]?.maxJobSeconds ?? 0;
    // The manager counts from when it heard of the job, this from when it began.
    if (now() - job.sinceMs >= seconds * 1_000) return "its job ran for too long";
    return null;
  };
  const busyEnded = (machine: string, how: string) => {
    const job = jobOn(machine);
    if (job && reasonFor(machine, job) === null)
      fail(
        "3 busy-destroyed",
        `${machine} was ${how} while ${job.id} ran on it for ${now() - job.sinceMs} ms`,
      );
  };

  return {
    managerStarted: () => {
      lists.clear();
      figures.clear();
    },
    hear: (event: SimEvent) => {
      if (event.is === "agent" && event.says === "dies in silence") silent.add(event.machine);
      if (event.is === "list-answered")
        lists.set(event.backend, { ok: event.ok, startedMs: event.startedMs });
      if (event.is === "machine-gone" && event.why === "destroyed") busyEnded(event.machine, "destroyed");
      if (event.is === "job-interrupted") busyEnded(event.machine, `told to end (${event.reason})`);
      if (event.is !== "destroy-called") return;
      const list = lists.get(event.backend);
      const ids = event.machines.join(", ");
      if (!list) return fail("5 stale-destroy", `${ids}: this manager has never listed ${event.backend}`);
      if (!list.ok) return fail("5 stale-destroy", `${ids}: the last list of ${event.backend} failed`);
      // A manager that stood still acts before it can know.
      const age = now() - list.startedMs;
      if (age > limits.listFreshMs)
        fail("5 stale-destroy", `${ids}: the list of ${event.backend} is ${age} ms old`);
    },
    fact: (fact: Fact, before: World) => {
      if (fact.is === "demand-seen") figures.set(fact.pool, fact.statistics);
      if (fact.is !== "retire-asked") return;
      const machine = before.machines[fact.machine];
      if (!machine || before.draining || !settings().pools[machine.pool]) return;
      const committed = Object.values(before.machines).filter(
        ({ pool, stage, spent }) =>
          pool === machine.pool && !spent && (stage === "registered" || stage === "listening"),
      ).length;
      // Both what GitHub had said and what is so: figures lag behind jobs that a machine has done by now.
      const told = figures.get(machine.pool);
      const waits = github
        .ofPool(machine.pool)
        .filter(({ state }) => state === "assigned" || state === "delivered");
      const known = told ? Math.min(told.assigned - told.running, waits.length) : 0;
      if (known >= committed)
        fail(
          "15 idle",
          `${machine.id} is retired: ${known} jobs wait, and ${committed} are registered for them`,
        );
    },
  };
}
