// Goal: what all pools share is promised once. Method: the plan of any two pools that share one budget (fast-check).
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { plan } from "../../../../agent/manager/plan.ts";
import { launchCount } from "../planning.ts";
import { config, demand, machine, now, offer, world } from "../worlds.ts";

const price = 100_000;
const offers = { a: [offer({ priceMicros: price })], b: [offer({ priceMicros: price })] };
const shared = (machines: number, budgeted: number, held: readonly [number, number]) =>
  world({
    config: config({ a: { max: 9 }, b: { max: 9 } }, budgeted * price),
    machines: Array.from({ length: machines }, (_, n) =>
      machine(`m${n}`, "starting", { priceMicros: price }),
    ),
    demand: { a: demand(machines, 0, { available: held[0] }), b: demand(0, 0, { available: held[1] }) },
    offers,
  });

describe("a budget that two pools share", () => {
  test("is promised as capacity once, but for the one machine that lets a pool hear of its jobs", () => {
    const any = fc.tuple(fc.nat(8), fc.nat(8), fc.tuple(fc.nat(9), fc.nat(9)));
    fc.assert(
      fc.property(any, ([machines, budgeted, held]) => {
        const { capacity } = plan(shared(machines, budgeted, held), now, limits);
        expect(capacity.a! + capacity.b!).toBeLessThanOrEqual(Math.max(budgeted, machines) + 1);
      }),
      { numRuns: 500 },
    );
  });

  test("goes first to the pool whose jobs GitHub holds back", () => {
    expect(plan(shared(0, 3, [0, 3]), now, limits).capacity).toEqual({ a: 1, b: 3 });
  });

  test("is promised in turn where nobody waits", () => {
    expect(plan(shared(0, 4, [0, 0]), now, limits).capacity).toEqual({ a: 2, b: 2 });
  });

  test("that is used up is the reason shown to jobs which are held back, not the pool's max", () => {
    const { refusals } = plan(shared(2, 2, [0, 3]), now, limits);
    expect(refusals.b).toMatchObject([{ reason: "budget", jobs: 3 }]);
  });
});

test("what is always there is paid from the budget before any machine, and the reason says so", () => {
  const given = shared(0, 4, [0, 9]);
  const budget = { ...given.config.budget!, baseMicrosPerHour: 2.5 * price };
  const paid = { ...given, config: { ...given.config, budget } };
  const { capacity, refusals } = plan(paid, now, limits);
  expect(capacity).toEqual({ a: 1, b: 1 });
  expect(refusals.b![0]!.detail).toMatch(
    /budget of 0.4 USD per hour, of which what is always there takes 0.25\.$/,
  );
});

test("jobs that are held back at max are told so, however few machines GitHub was told of", () => {
  const full = world({
    config: config({ a: { max: 1 } }),
    machines: [machine("m1", "starting")],
    demand: { a: demand(1, 0, { available: 2 }) },
  });
  expect(plan(full, now, limits).refusals.a).toMatchObject([{ reason: "max", jobs: 2 }]);
});

test("a manager that holds as many machines as it can says so", () => {
  const tight = { ...limits, machinesMax: 1 };
  const full = world({ machines: [machine("m1", "done")], demand: { a: demand(1) } });
  expect(plan(full, now, tight).refusals.a).toMatchObject([{ reason: "max", jobs: 1 }]);
  expect(launchCount(full)).toBe(1);
});
