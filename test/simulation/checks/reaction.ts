/** Invariants 13 and 14: nobody waits without a machine or a reason, what can be served is served at once, what is lost is seen. */
import type { Fact } from "../../../agent/manager/facts.ts";
import type { Plan } from "../../../agent/manager/plan.ts";
import { isAlive, type World } from "../../../agent/manager/world.ts";
import type { Checks } from "../checker.ts";
import type { SimEvent } from "../events.ts";
import type { CloudMachine } from "../fakes/cloud.ts";

/** Looked at once in so long, not after every step. */
const lookMs = 500;
/** A job waits unexplained for at most so long after its manager was told and could act: messages cross for up to 10 s. */
const explainedMs = 15_000;
/** The promise: a launch call within a second. */
const launchedMs = 1_000;
/** A machine that vanished is given up after so many good lists that began so long after. */
const goodLists = 5;

export function makeReactionCheck({
  fail,
  clouds,
  github,
  givenUp,
  now,
  settings,
  manager,
  limits,
  managerSinceMs,
}: Checks) {
  let lookedMs = 0;
  let plan: Plan | null = null;
  let world: World | null = null;
  /** Since when a pool's waiting jobs, as its manager was told, have had neither machine nor reason. */
  const unexplained = new Map<string, number>();
  const unlaunched = new Map<string, number>();
  const trouble = new Map<string, number>();
  const vanished = new Map<string, { backend: string; atMs: number; lists: number }>();
  const calledMs = new Map<string, number>();
  /** What a machine was called in the request. */
  const placeOf = new Map<string, string>();
  /** When each backend's last list that did not fail began. */
  const goodMs = new Map<string, number>();
  let fullMs = -Infinity;
  /** Pools whose news of a started job was lost: until startConfirmMs that job is taken for the one that waits. */
  const unheard = new Map<string, number>();

  /** Jobs that the present manager knows to wait: told by figures that are still true. */
  const waiting = (pool: string, believed: World): number => {
    const told = believed.demand[pool]?.statistics;
    if (!told) return 0;
    const truly = github
      .ofPool(pool)
      .filter(({ state }) => state === "assigned" || state === "delivered").length;
    return Math.min(truly, told.assigned - told.running);
  };
  const machinesFor = (pool: string): number => {
    const busy = new Set(
      github
        .ofPool(pool)
        .flatMap(({ state, runner }) => (state === "running" && runner !== null ? [runner] : [])),
    );
    const isBusy = (id: string) => [...busy].some((runner) => runner === id || runner.startsWith(`${id}-`));
    const exist = clouds.flatMap(({ machines }) => [...machines.values()]);
    const coming = exist.filter(
      (machine: CloudMachine) => machine.pool === pool && !givenUp.has(machine.id) && !isBusy(machine.id),
    );
    const asked = clouds
      .flatMap(({ inFlight }) => [...inFlight.values()])
      .filter((request) => request.pool === pool);
    return coming.length + asked.reduce((sum, { machines }) => sum + machines.length, 0);
  };
  /** Machines that the manager may take for alive although they are not: it has its deadlines for those. */
  const believedIn = (pool: string, believed: World) =>
    Object.values(believed.machines).filter(
      (machine) => machine.pool === pool && isAlive(machine) && machine.stage !== "busy" && !machine.spent,
    ).length;

  const explained = (pool: string, believed: World, shown: Plan) => {
    const confusedMs = Math.max(unheard.get(pool) ?? -Infinity, managerSinceMs());
    if (now() - confusedMs < limits.startConfirmMs + limits.syncPeriodMs) return true;
    const jobs = waiting(pool, believed);
    const reasons = shown.refusals[pool] ?? [];
    return jobs === 0 || machinesFor(pool) + believedIn(pool, believed) > 0 || reasons.length > 0;
  };
  /** An offer that was never in trouble lately, within the budget, for a pool with room. */
  const servable = (pool: string, believed: World): boolean => {
    const { pools, budget } = settings();
    const own = pools[pool];
    if (!own || believed.draining || !believed.journalWritable || now() - fullMs < 60_000) return false;
    const machines = Object.values(believed.machines);
    if (machines.filter((machine) => machine.pool === pool && isAlive(machine)).length >= own.max)
      return false;
    if (machines.length + clouds.reduce((sum, { inFlight }) => sum + inFlight.size, 0) >= limits.machinesMax)
      return false;
    const spent = machines.reduce((sum, { priceMicros, gone }) => sum + (gone ? 0 : priceMicros), 0);
    return clouds.some(
      ({ name, offers }) =>
        own.backends.some(({ kind }) => (kind as string) === name) &&
        now() - (trouble.get(name) ?? -Infinity) > limits.circuitMsMax["never-enrolled"] &&
        offers.some(({ priceMicros }) => budget === null || spent + priceMicros <= budget.microsPerHour),
    );
  };
  const since = (map: Map<string, number>, pool: string, holds: boolean): number => {
    if (!holds) map.delete(pool);
    else if (!map.has(pool)) map.set(pool, now());
    return holds ? now() - map.get(pool)! : 0;
  };

  const look = () => {
    const running = manager();
    if (!running || !plan || !world || running.isPaused()) {
      unexplained.clear();
      unlaunched.clear();
      return;
    }
    const believed = running.loop.world();
    for (const pool of Object.keys(settings().pools)) {
      const jobs = waiting(pool, believed);
      if (since(unexplained, pool, !explained(pool, believed, plan)) > explainedMs)
        fail(
          "13 refusal",
          `${jobs} jobs wait for pool ${pool}: no machine is on its way and no reason is shown`,
        );
      const quiet = now() - managerSinceMs() < 400_000 || believed.views[`demand:${pool}`]?.is !== "fresh";
      const late =
        !quiet && jobs > machinesFor(pool) + believedIn(pool, believed) && servable(pool, believed);
      if (since(unlaunched, pool, late) > launchedMs + lookMs)
        fail(
          "14 reaction",
          `${jobs} jobs wait for pool ${pool}, an offer and money are there, and nothing is launched`,
        );
    }
    for (const [id, { lists, backend }] of vanished) {
      if (givenUp.has(id)) vanished.delete(id);
      else if (lists >= goodLists && believed.machines[id])
        fail("14 reaction", `${id} is gone, ${lists} lists of ${backend} lack it, and it still counts`);
    }
  };

  return {
    managerStarted: () => {
      plan = null;
      world = null;
      for (const each of vanished.values()) each.lists = 0;
    },
    planned: (made: Plan, believed: World) => {
      plan = made;
      world = believed;
    },
    fact: (fact: Fact, _before: World, after: World) => {
      if (!after.journalWritable) fullMs = now();
      if (fact.is !== "listed") return;
      // Lists that are far apart, for those between failed, are not lists in a row.
      const gapMs = fact.startedMs - (goodMs.get(fact.backend) ?? -Infinity);
      goodMs.set(fact.backend, fact.startedMs);
      for (const each of vanished.values())
        if (each.backend === fact.backend && now() - each.atMs > limits.visibilityGraceMs + 30_000)
          each.lists = gapMs > limits.listFreshMs ? 0 : each.lists + 1;
    },
    hear: (event: SimEvent) => {
      if (event.is === "fault" && event.kind === "message-lost")
        for (const pool of Object.keys(settings().pools)) unheard.set(pool, now());
      if (event.is === "launch-called")
        for (const id of event.machines) {
          calledMs.set(id, now());
          // A repeat puts it in doubt anew, also one that came and went while there was no manager.
          for (const [machine, gone] of vanished)
            if ((placeOf.get(machine) ?? machine) === id)
              vanished.set(machine, { ...gone, atMs: now() + limits.unknownSettleMs, lists: 0 });
        }
      if (event.is === "machine-made" && event.place !== undefined) placeOf.set(event.machine, event.place);
      if (event.is === "machine-gone") {
        const { backend, machine } = event;
        // Until the last send of its launch cannot land any more it may come yet.
        const doubtMs = (calledMs.get(placeOf.get(machine) ?? machine) ?? 0) + limits.unknownSettleMs;
        vanished.set(machine, { backend, atMs: Math.max(now(), doubtMs), lists: 0 });
        if (event.why === "died") trouble.set(backend, now());
      }
      if (event.is === "launch-answered" && event.failure !== null)
        trouble.set(event.offer.split(":")[0]!, now());
      if (event.is === "agent" && /dies|never|refused/.test(event.says)) {
        const at = clouds.find(({ machines }) => machines.has(event.machine));
        if (at) trouble.set(at.name, now());
      }
      if (event.is === "registration-removed") for (const { name } of clouds) trouble.set(name, now());
      if (event.is === "list-answered" && !event.ok) trouble.set(event.backend, now());
      if (event.is === "manager") for (const { name } of clouds) trouble.set(name, now());
    },
    step: () => {
      if (now() - lookedMs < lookMs) return;
      lookedMs = now();
      look();
    },
  };
}
