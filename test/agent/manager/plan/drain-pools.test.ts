import { expect, test } from "vitest";
import { apply } from "../../../../agent/manager/apply.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { plan } from "../../../../agent/manager/plan.ts";
import { config, demand, machine, now, world } from "../worlds.ts";

const two = { config: config({ a: {}, b: {} }), demand: { a: demand(1), b: demand(1) } };

test("a pool that drains starts nothing and promises nothing; the others go on", () => {
  const drained = apply(world(two), { is: "draining", on: true, pools: ["a"] }, now, limits);
  const { actions, refusals, capacity } = plan(drained, now, limits);
  expect(actions.filter((action) => action.do === "launch").map(({ pool }) => pool)).toEqual(["b"]);
  expect(refusals.a).toMatchObject([{ reason: "draining", jobs: 1 }]);
  expect([capacity.a, capacity.b! > 0]).toEqual([0, true]);
});

test("its idle machines end at once, those of other pools stay", () => {
  const machines = [machine("m1", "enrolled", { pool: "a" }), machine("m2", "enrolled", { pool: "b" })];
  const { actions } = plan(world({ config: two.config, machines, drainingPools: ["a"] }), now, limits);
  expect(actions.filter((action) => action.do === "end").map((action) => action.machine)).toEqual(["m1"]);
});

test("taken back is taken back for the stack and for each pool", () => {
  const both = world({ ...two, draining: true, drainingPools: ["a"] });
  const after = apply(both, { is: "draining", on: false }, now, limits);
  expect([after.draining, after.drainingPools]).toEqual([false, []]);
  expect(apply(after, { is: "draining", on: false }, now, limits)).toBe(after);
});
