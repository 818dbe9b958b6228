// Goal: every decision of plan() is safe in any world, and right in the ones that matter. Method: fast-check draws worlds
// (worlds.ts) for the properties; the examples below them are written by hand and read as the rules.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apply } from "../../../agent/manager/apply.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { type Action, plan } from "../../../agent/manager/plan.ts";
import type { Fact } from "../../../agent/manager/facts.ts";
import type { Machine, World } from "../../../agent/manager/world.ts";
import { isAlive } from "../../../agent/manager/world.ts";
import {
  anyWorld,
  config,
  deepFreeze,
  demand,
  machine,
  now,
  offer,
  registered,
  report,
  world,
} from "./worlds.ts";

const launchCount = (world: World, pool?: string, offerKey?: string) =>
  plan(world, now, limits)
    .actions.filter((action) => action.do === "launch")
    .filter((action) => (!pool || action.pool === pool) && (!offerKey || action.offer === offerKey))
    .reduce((sum, { count }) => sum + count, 0);
const actionsOf = <K extends Action["do"]>(world: World, kind: K) =>
  plan(world, now, limits).actions.filter(
    (action): action is Extract<Action, { do: K }> => action.do === kind,
  );
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
        config: { ...before.config, budget: { microsPerHour: 0, currency: "USD" as const } },
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

describe("launching", () => {
  test("one machine for each waiting job", () => {
    expect(launchCount(world({ demand: { a: demand(3) } }))).toBe(3);
  });

  test("machines on their way are counted", () => {
    const machines = [machine("m1", "asked"), machine("m2", "enrolled")];
    expect(launchCount(world({ machines, demand: { a: demand(3) } }))).toBe(1);
  });

  test("minIdle machines are started without jobs, within max", () => {
    expect(launchCount(world({ config: config({ a: { minIdle: 2, max: 1 } }) }))).toBe(1);
  });

  test("a job that its machine already runs, before GitHub's figures say so, orders no second machine", () => {
    const job = { name: "j", startedMs: now - 500, startedAtGitHub: false, completedMs: null, jobId: null };
    const busy = registered("m1", "busy", { job });
    expect(launchCount(world({ machines: [busy], demand: { a: demand(1, 0) } }))).toBe(0);
  });

  test("a job that ended on a finished machine, before GitHub's figures say so, orders no second machine", () => {
    const job = { name: "j", startedMs: now - 5_000, startedAtGitHub: false, completedMs: null, jobId: null };
    const done = registered("m1", "done", { job });
    expect(launchCount(world({ machines: [done], demand: { a: demand(1, 0) } }))).toBe(0);
  });

  test("a job held running by a machine that is gone for six hours orders at most one machine, and not for itself", () => {
    expect(launchCount(world({ demand: { a: demand(1, 1) } }))).toBe(0);
    expect(launchCount(world({ demand: { a: demand(2, 1) } }))).toBe(1);
  });

  test("JobAssigned beside figures of 0 is believed", () => {
    const told = { ...demand(0), uncounted: 1 };
    expect(launchCount(world({ demand: { a: told } }))).toBe(1);
  });

  test("a closed offer spills over to the next within the same plan", () => {
    const offers = { a: [offer({ key: "first" }), offer({ key: "second" })] };
    const circuits = {
      "offer:first": {
        is: "open",
        untilMs: now + 1,
        reason: "no-capacity",
        detail: "full",
        trips: 1,
      } as const,
    };
    expect(launchCount(world({ offers, circuits, demand: { a: demand(2) } }), "a", "second")).toBe(2);
  });

  test("after its pause a circuit lets one probe through and the rest goes elsewhere", () => {
    const offers = { a: [offer({ key: "first" }), offer({ key: "second" })] };
    const circuits = {
      "offer:first": { is: "open", untilMs: now, reason: "no-capacity", detail: "full", trips: 1 } as const,
    };
    const probed = world({ offers, circuits, demand: { a: demand(3) } });
    expect([launchCount(probed, "a", "first"), launchCount(probed, "a", "second")]).toEqual([1, 2]);
  });

  test("without GitHub nothing is launched, and people are told", () => {
    const deaf = world({
      demand: { a: demand(2) },
      views: { "demand:a": { is: "stale", atMs: now - 9, why: "503" } },
    });
    expect(launchCount(deaf)).toBe(0);
    expect(plan(deaf, now, limits).refusals.a).toMatchObject([{ reason: "view-not-fresh", jobs: 2 }]);
  });

  test("jobs beyond max wait with that reason, and only capacity for max is announced", () => {
    const crowd = world({ config: config({ a: { max: 2 } }), demand: { a: demand(5) } });
    const { refusals, capacity } = plan(crowd, now, limits);
    expect([launchCount(crowd), refusals.a, capacity.a]).toMatchObject([2, [{ reason: "max", jobs: 3 }], 2]);
  });

  test("a budget for two of five launches two and says why", () => {
    const offers = { a: [offer({ priceMicros: 100_000 })] };
    const poor = world({ config: config({ a: { max: 9 } }, 250_000), offers, demand: { a: demand(5) } });
    const { refusals, capacity } = plan(poor, now, limits);
    expect([launchCount(poor), refusals.a, capacity.a]).toMatchObject([
      2,
      [{ reason: "budget", jobs: 3 }],
      2,
    ]);
  });

  test("while draining, capacity is what is busy", () => {
    const machines = [registered("m1", "busy"), registered("m2", "listening")];
    expect(
      plan(world({ machines, draining: true, demand: { a: demand(2, 1) } }), now, limits).capacity.a,
    ).toBe(1);
  });
});

describe("registering", () => {
  test("a ready machine is registered only for a waiting job", () => {
    const machines = [machine("m1", "enrolled"), machine("m2", "enrolled")];
    expect(actionsOf(world({ machines, demand: { a: demand(1) } }), "mint")).toMatchObject([
      { machine: "m1", life: 1, name: "m1" },
    ]);
    expect(actionsOf(world({ machines }), "mint")).toEqual([]);
  });

  test("a machine that still unpacks the runner is not registered yet", () => {
    const machines = [machine("m1", "enrolled")];
    const reports = { m1: report({ phase: "preparing" }) };
    expect(actionsOf(world({ machines, reports, demand: { a: demand(1) } }), "mint")).toEqual([]);
  });

  test("a machine that was silent is not registered", () => {
    const reports = { m1: report({ atMs: now - limits.syncLateMs - 1 }) };
    expect(
      actionsOf(world({ machines: [machine("m1", "enrolled")], reports, demand: { a: demand(1) } }), "mint"),
    ).toEqual([]);
  });

  test("a reused machine registers again only when its last record is gone, under another name", () => {
    const again = registered("m1", "enrolled");
    const waiting = { demand: { a: demand(1) } };
    expect(actionsOf(world({ machines: [again], ...waiting }), "mint")).toEqual([]);
    expect(actionsOf(world({ machines: [again], ...waiting }), "remove-runner")).toHaveLength(1);
    const free = machine("m1", "enrolled", { life: 1 });
    expect(actionsOf(world({ machines: [free], ...waiting }), "mint")).toMatchObject([
      { life: 2, name: "m1-2" },
    ]);
  });
});

describe("idle machines", () => {
  const idle = (stage: "enrolled" | "listening", ageMs: number): Machine =>
    stage === "listening"
      ? registered("m1", stage, { stageMs: now - ageMs })
      : machine("m1", stage, { stageMs: now - ageMs });

  test.each([
    [299_999, 0],
    [300_000, 1],
  ])("a listening machine idle for %i ms: %i retired", (ageMs, count) => {
    expect(actionsOf(world({ machines: [idle("listening", ageMs)] }), "retire")).toHaveLength(count);
  });

  test("a listening machine stays while a job waits", () => {
    expect(
      actionsOf(world({ machines: [idle("listening", 400_000)], demand: { a: demand(1) } }), "retire"),
    ).toEqual([]);
  });

  test.each([
    [0, 1],
    [1, 0],
  ])("an unregistered machine past its timeout with minIdle %i: %i ended", (minIdle, count) => {
    const machines = [idle("enrolled", 400_000)];
    expect(actionsOf(world({ config: config({ a: { minIdle } }), machines }), "end")).toHaveLength(count);
  });

  test("an idle machine of old settings ends at once, a busy one finishes", () => {
    const machines = [
      machine("m1", "enrolled", { recipe: "r0" }),
      registered("m2", "busy", { recipe: "r0" }),
    ];
    expect(actionsOf(world({ machines, demand: { a: demand(1, 1) } }), "end")).toMatchObject([
      { machine: "m1", why: "its settings changed" },
    ]);
  });
});

describe("endings and cleaning up", () => {
  test("a machine that never enrolled ends at its deadline and counts as a failed boot", () => {
    const late = machine("m1", "starting", { askedMs: now - limits.bootDeadlineMs });
    expect(actionsOf(world({ machines: [late] }), "end")).toMatchObject([
      { machine: "m1", failedBoot: true },
    ]);
  });

  test("a job longer than maxJobTime is ended", () => {
    const job = {
      name: "j",
      startedMs: now - 21_600_000,
      startedAtGitHub: true,
      completedMs: null,
      jobId: "1",
    };
    expect(
      actionsOf(world({ machines: [registered("m1", "busy", { job })], demand: { a: demand(1, 1) } }), "end"),
    ).toHaveLength(1);
  });

  test("a machine that goes on after GitHub called its job completed ends after 60 s", () => {
    const job = {
      name: "j",
      startedMs: now - 90_000,
      startedAtGitHub: true,
      completedMs: now - 60_000,
      jobId: "1",
    };
    expect(actionsOf(world({ machines: [registered("m1", "busy", { job })] }), "end")).toHaveLength(1);
  });

  test("a finished machine's record is removed, and again every 30 s while GitHub calls it busy", () => {
    const done = registered("m1", "done");
    expect(actionsOf(world({ machines: [done] }), "remove-runner")).toMatchObject([
      { runner: { id: 7, name: "m1" } },
    ]);
    const held = { ...done, registration: { ...done.registration!, heldBusy: true, removeMs: now - 29_999 } };
    expect(actionsOf(world({ machines: [held] }), "remove-runner")).toEqual([]);
    const later = { ...held, registration: { ...held.registration, removeMs: now - 30_000 } };
    expect(actionsOf(world({ machines: [later] }), "remove-runner")).toHaveLength(1);
  });

  test("a machine is destroyed once its agent said goodbye, or after a grace", () => {
    const done = machine("m1", "done", { stageMs: now - 1_000 });
    expect(actionsOf(world({ machines: [done] }), "destroy")).toEqual([]);
    expect(
      actionsOf(world({ machines: [done], reports: { m1: report({ phase: "ended" }) } }), "destroy"),
    ).toHaveLength(1);
    const waited = { ...done, stageMs: now - limits.endGraceMs };
    expect(actionsOf(world({ machines: [waited] }), "destroy")).toHaveLength(1);
  });

  test("a spent machine gets no registration and ends when it is not busy", () => {
    const spent = machine("m1", "enrolled", { spent: true, stageMs: now - limits.syncPeriodMs });
    const lost = world({ machines: [spent], demand: { a: demand(1) } });
    expect(actionsOf(lost, "mint")).toEqual([]);
    expect(actionsOf(lost, "end")).toMatchObject([{ machine: "m1" }]);
  });
});
