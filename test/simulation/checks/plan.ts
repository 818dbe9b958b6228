/** Invariant 10, on a sample of all plans. */
import { isDeepStrictEqual } from "node:util";
import { apply } from "../../../agent/manager/apply.ts";
import type { Fact } from "../../../agent/manager/facts.ts";
import type { Limits } from "../../../agent/manager/limits.ts";
import type { Action, Plan } from "../../../agent/manager/plan.ts";
import { newMachine, type World } from "../../../agent/manager/world.ts";
import { deepFreeze } from "../../agent/manager/worlds.ts";
import type { Checks } from "../checker.ts";

/** One of so many plans is looked at; primes do not march in step with anything. */
const sampled = 37;

export function makePlanCheck({ fail, manager }: Checks) {
  let count = 0;
  return (made: Plan, world: World, now: number) => {
    if (count++ % sampled !== 0) return;
    const running = manager();
    if (!running) return;
    const { limits } = running;
    const decide = (given: World) => running.decide(deepFreeze(structuredClone(given)), now, limits);
    if (!isDeepStrictEqual(decide(world), made)) return fail("10 plan", "the same world gave another plan");
    if (!isDeepStrictEqual(decide(reversed(world)), made))
      return fail("10 plan", "the order of the maps gave another plan");
    const after = decide(launched(world, made.actions, now, limits));
    const again = after.actions.filter((action) => action.do === "launch" && !admittedLater(made, action));
    if (again.length > 0)
      fail(
        "10 plan",
        `after its own launches it orders more: ${JSON.stringify(again)} after ${JSON.stringify(made.actions)}`,
      );
  };
}

/** A launch for a pool that the plan before did not launch for could not be due to what was launched. */
const admittedLater = (made: Plan, action: Action) =>
  action.do === "launch" &&
  !made.actions.some((before) => before.do === "launch" && before.pool === action.pool);

const reversed = (world: World): World => {
  const turned = <T>(record: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(record).reverse());
  const { machines, launches, losses, circuits, jobs, reports, demand, views } = world;
  return {
    ...world,
    machines: turned(machines),
    launches: turned(launches),
    losses: turned(losses),
    circuits: turned(circuits) as World["circuits"],
    jobs: turned(jobs),
    reports: turned(reports),
    demand: turned(demand),
    views: turned(views) as World["views"],
  };
};

/** The world after act() has journalled the plan's launches. */
function launched(world: World, actions: readonly Action[], now: number, limits: Limits): World {
  return actions.reduce((next, action, index) => {
    if (action.do !== "launch") return next;
    const { pool, backend, offer, priceMicros } = action;
    const id = `planned-${index}`;
    const machines = Array.from({ length: action.count }, (_, n) => `${id}-${n}`);
    const times = { askedMs: now, sentMs: now, sends: 1, is: "in-flight" as const };
    const known = {
      pool,
      backend,
      offer,
      launch: id,
      priceMicros,
      recipe: world.recipes[pool] ?? "",
      spent: false,
    };
    const fact: Fact = {
      is: "launch-sent",
      launch: { id, backend, request: { pool, offer, machines }, worstMicros: priceMicros, ...times },
      machines: machines.map((machine) =>
        newMachine({ ...known, id: machine, stage: "asked", stageMs: now, askedMs: now, startedMs: null }),
      ),
    };
    return apply(next, fact, now, limits);
  }, world);
}
