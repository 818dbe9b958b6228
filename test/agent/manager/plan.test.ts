// Goal: every decision of plan() is safe in any world, and right in the ones that matter. Method: fast-check draws worlds
// (worlds.ts) for the properties; the examples below them are written by hand and read as the rules.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apply } from "../../../agent/manager/apply.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { type Action, plan } from "../../../agent/manager/plan.ts";
import type { Fact } from "../../../agent/manager/facts.ts";
import type { World } from "../../../agent/manager/world.ts";
import { isAlive } from "../../../agent/manager/world.ts";
import { anyWorld, config, deepFreeze, machine, now } from "./worlds.ts";
import { actionsOf, launchCount } from "./planning.ts";

const check = (property: (world: World) => void) =>
  fc.assert(fc.property(anyWorld, property), { numRuns: 500 });

/** The facts that act() reports before its calls leave. */
function begun(world: World, actions: readonly Action[]): World {
  return actions.reduce((next, action, index) => {
    const facts: Fact[] = [];
    if (action.do === "end")
      facts.push({
        is: "end-asked",
        machine: action.machine,
        why: action.why,
        failedBoot: action.failedBoot,
      });
    if (action.do === "retire") facts.push({ is: "retire-asked", machine: action.machine });
    if (action.do === "remove-runner") facts.push({ is: "remove-asked", machine: action.machine });
    if (action.do === "destroy") facts.push({ is: "destroy-asked", machines: action.machines });
    if (action.do === "mint")
      facts.push({ is: "mint-asked", machine: action.machine, name: action.name, life: action.life });
    if (action.do === "launch") {
      const ids = Array.from({ length: action.count }, (_, n) => `new${index}-${n}`);
      const launch = {
        id: `new${index}`,
        backend: action.backend,
        request: { pool: action.pool, offer: action.offer, machines: ids },
        worstMicros: action.priceMicros,
        askedMs: now,
        sentMs: now,
        sends: 1,
        is: "in-flight" as const,
      };
      const made = ids.map((id) =>
        machine(id, "asked", {
          pool: action.pool,
          offer: action.offer,
          launch: launch.id,
          priceMicros: action.priceMicros,
          askedMs: now,
          startedMs: null,
          stageMs: now,
        }),
      );
      facts.push({ is: "launch-sent", launch, machines: made });
    }
    return deepFreeze(facts.reduce((at, fact) => apply(at, fact, now, limits), next));
  }, world);
}

describe("in any world", () => {
  test("the same world gives the same plan and is left unchanged", () => {
    check((world) => {
      expect(plan(world, now, limits)).toEqual(plan(world, now, limits));
    });
  });

  test("the order of the maps decides nothing", () => {
    const reversed = <T extends object>(record: T) =>
      Object.fromEntries(Object.entries(record).reverse()) as T;
    check((world) => {
      const shuffled = {
        ...world,
        machines: reversed(world.machines),
        circuits: reversed(world.circuits),
        config: { ...world.config, pools: reversed(world.config.pools) },
      };
      expect(plan(shuffled, now, limits).actions).toEqual(plan(world, now, limits).actions);
    });
  });

  test("machines alive plus launches never exceed a pool's max, unless they did before", () => {
    check((world) => {
      for (const [pool, { max }] of Object.entries(world.config.pools)) {
        const alive = Object.values(world.machines).filter(
          (each) => each.pool === pool && isAlive(each),
        ).length;
        expect(launchCount(world, pool)).toBeLessThanOrEqual(Math.max(0, max - alive));
      }
    });
  });

  test("the price of all that may exist plus launches never exceeds the budget, unless it did before", () => {
    check((world) => {
      const { budget } = world.config;
      if (budget === null) return;
      const spent = Object.values(world.machines).reduce(
        (sum, each) => sum + (each.gone ? 0 : each.priceMicros),
        0,
      );
      const ordered = actionsOf(world, "launch").reduce(
        (sum, { count, priceMicros }) => sum + count * priceMicros,
        0,
      );
      if (ordered > 0) expect(spent + ordered).toBeLessThanOrEqual(budget.microsPerHour);
    });
  });

  test("once its own facts are applied it registers nobody more and launches only for machines it ended", () => {
    check((world) => {
      const first = plan(world, now, limits);
      const left = first.actions.filter((action) => action.do === "end" || action.do === "retire").length;
      const again = plan(begun(world, first.actions), now, limits).actions;
      const more = again
        .filter((action) => action.do === "launch")
        .reduce((sum, { count }) => sum + count, 0);
      expect(more).toBeLessThanOrEqual(left);
      if (left === 0) expect(again.filter((action) => action.do === "mint")).toEqual([]);
    });
  });

  test("one more machine on its way never means more launches", () => {
    check((before) => {
      const pools = ["a", "b"];
      for (const pool of pools) {
        const one = machine("extra", "starting", { pool, startedMs: now, askedMs: now });
        const after = { ...before, machines: { ...before.machines, extra: one } };
        expect(launchCount(after, pool)).toBeLessThanOrEqual(launchCount(before, pool));
      }
    });
  });

  test("a smaller budget or an open circuit never adds launches at that offer", () => {
    check((before) => {
      const poor = {
        ...before,
        config: {
          ...before.config,
          budget: { microsPerHour: 0, baseMicrosPerHour: 0, currency: "USD" as const },
        },
      };
      const cost = (world: World) =>
        actionsOf(world, "launch").reduce((sum, { count, priceMicros }) => sum + count * priceMicros, 0);
      expect(cost(poor)).toBe(0);
      const open = { is: "open", untilMs: now + 1, reason: "no-capacity", detail: "full", trips: 1 } as const;
      const closed = { ...before, circuits: { ...before.circuits, "offer:dear": open } };
      expect(launchCount(closed, "b")).toBe(0);
    });
  });

  test("lowering max ends no busy machine", () => {
    check((before) => {
      const none = { ...before, config: config({ a: { max: 0 }, b: { max: 0 } }) };
      for (const action of plan(none, now, limits).actions) {
        if (action.do !== "end" && action.do !== "retire") continue;
        expect(before.machines[action.machine]?.stage).not.toBe("busy");
      }
    });
  });

  test("a stale or missing list destroys nothing", () => {
    check((world) => {
      const view = world.views["backend:local"];
      const usable = view?.is === "fresh" && now - view.atMs <= limits.listFreshMs;
      if (!usable) expect(actionsOf(world, "destroy")).toEqual([]);
    });
  });

  test("only machines that are finished with are destroyed", () => {
    check((world) => {
      for (const { machines } of actionsOf(world, "destroy")) {
        for (const id of machines) expect(isAlive(world.machines[id]!)).toBe(false);
      }
    });
  });

  test("a machine that may have a job coming is not retired: never more than listen for nothing", () => {
    check((world) => {
      if (world.draining) return;
      const { figures } = plan(world, now, limits);
      for (const [pool, own] of Object.entries(figures)) {
        const spare = Math.max(0, own.committed.length - own.waiting);
        expect(
          actionsOf(world, "retire").filter((action) => action.pool === pool).length,
        ).toBeLessThanOrEqual(spare);
      }
    });
  });

  test("a machine gets one registration at a time, and none when spent", () => {
    check((world) => {
      const minted = actionsOf(world, "mint").map((action) => world.machines[action.machine]!);
      expect(new Set(minted).size).toBe(minted.length);
      for (const each of minted)
        expect([each.registration, each.spent, each.stage]).toEqual([null, false, "enrolled"]);
    });
  });

  test("every job that waits without a machine has a launch or a reason", () => {
    check((world) => {
      const { figures, refusals } = plan(world, now, limits);
      for (const [pool, own] of Object.entries(figures)) {
        const unserved = own.waiting - own.coming.length - launchCount(world, pool);
        if (unserved > 0 && world.config.pools[pool]!.max > 0) expect(refusals[pool]).not.toEqual([]);
      }
    });
  });

  test("the capacity sent to GitHub is what can be served: never above max but for jobs whose machine is gone", () => {
    check((world) => {
      const { capacity, figures } = plan(world, now, limits);
      for (const [pool, { max }] of Object.entries(world.config.pools)) {
        const own = figures[pool]!;
        expect(capacity[pool]).toBeLessThanOrEqual(Math.max(max, own.alive.length) + own.stranded);
      }
    });
  });

  test("the next look is never in the past and at most a tick away", () => {
    check((world) => {
      const { wakeAtMs } = plan(world, now, limits);
      expect(wakeAtMs).toBeGreaterThanOrEqual(now);
      expect(wakeAtMs).toBeLessThanOrEqual(now + limits.tickMsMax);
    });
  });
});
