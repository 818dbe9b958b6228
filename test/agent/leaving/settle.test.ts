import { expect, test } from "vitest";
import { settle } from "../../../agent/leaving/settle.ts";
import { drainingKey } from "../../../agent/manager-host.ts";
import { drainOptions, machine, makeWorld, never } from "./world.ts";

test("an up without a removed pool waits for nothing", async () => {
  const { world, deps, finish, seconds, said } = makeWorld();
  world.status(null);
  world.add(machine("i-1"), machine("i-2", { pool: null }));
  expect(await finish(settle(drainOptions, deps, never))).toBeNull();
  expect([seconds(), said]).toEqual([0, []]);
});

test("the order of a destroy that did not go through is taken back", async () => {
  const { objects, deps, finish, said } = makeWorld();
  objects.set(drainingKey, "{}");
  await finish(settle(drainOptions, deps, never));
  expect(objects.has(drainingKey)).toBe(false);
  expect(said).toEqual(["the order of an earlier destroy was taken back: the manager starts machines again"]);
});

test("machines of a removed pool finish their jobs first, and none is ended here", async () => {
  const { world, deps, clock, machines, finish, seconds, terminated } = makeWorld();
  world.add(machine("i-1"), machine("i-2", { pool: "old" }));
  for (let s = 0; s < 300; s += 60) clock.after(s * 1_000, () => world.status(null));
  clock.after(199_000, () => void machines().delete("i-2"));
  world.status(null);
  expect(await finish(settle(drainOptions, deps, never))).toBeNull();
  expect(seconds()).toBe(200);
  expect(terminated).toEqual([]);
});

test("with a dead manager it says so at once, and after the limit it leaves the rest to the manager", async () => {
  const dead = makeWorld();
  dead.world.add(machine("i-2", { pool: "old" }));
  await dead.finish(settle(drainOptions, dead.deps, never));
  expect(dead.seconds()).toBe(0);
  expect(dead.said[0]).toMatch(/^1 machine of removed pools \(old\) left and no manager/);

  const busy = makeWorld();
  busy.world.add(machine("i-2", { pool: "old" }));
  busy.world.status(null);
  for (let s = 0; s < 900; s += 60) busy.clock.after(s * 1_000, () => busy.world.status(null));
  await busy.finish(settle(drainOptions, busy.deps, never));
  expect(busy.seconds()).toBe(600);
});
