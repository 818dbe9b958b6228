import { expect, test } from "vitest";
import { drain } from "../../../agent/leaving/drain.ts";
import { drainOptions, makeWorld, never } from "./world.ts";

test("the order is acknowledged, followed to its end, and stays for the manager until it is deleted", async () => {
  const { world, deps, clock, said, finish, seconds, order } = makeWorld();
  world.status(null);
  clock.after(12_000, () => world.status({ id: order()!.id, left: 3, done: false }));
  clock.after(80_000, () => world.status({ id: order()!.id, left: 1, done: false }));
  clock.after(99_000, () => world.status({ id: order()!.id, left: 0, done: true }));
  expect(await finish(drain(drainOptions, deps, never))).toBeNull();
  expect(seconds()).toBe(100);
  expect(order()).toEqual({ pools: null, timeoutSeconds: 600, id: "order-1" });
  expect([...new Set(said)]).toEqual([
    "drain: asked the manager to finish running jobs (at most 600 s)",
    "drain: waiting for the manager to take it up",
    "drain: 3 machines left",
    "drain: 1 machine left",
    "drain: done",
  ]);
});

test("a dead manager is waited for during one minute", async () => {
  const { world, deps, clock, said, finish, seconds } = makeWorld();
  world.status(null, clock.now() - 600_000);
  expect(await finish(drain(drainOptions, deps, never))).toBeNull();
  expect(seconds()).toBe(60);
  expect(said.at(-1)).toBe(
    "drain: the manager does not answer (dead, silent for 660 s): not waiting for it, the sweep ends what runs",
  );
});

test("a manager that dies while it drains is not waited for", async () => {
  const { world, deps, clock, said, finish, seconds, order } = makeWorld();
  world.status(null);
  clock.after(10_000, () => world.status({ id: order()!.id, left: 3, done: false }));
  expect(await finish(drain(drainOptions, deps, never))).toBeNull();
  expect(seconds()).toBeLessThan(200);
  expect(said.at(-1)).toMatch(/^drain: the manager has died meanwhile/);
});

test("a manager that goes on for ever is left after the limit and half a minute", async () => {
  const { world, deps, clock, said, finish, seconds, order } = makeWorld();
  world.status(null);
  for (let s = 10; s < 1_000; s += 60)
    clock.after(s * 1_000, () => world.status({ id: order()!.id, left: 2, done: false }));
  expect(await finish(drain(drainOptions, deps, never))).toBeNull();
  expect(seconds()).toBe(630);
  expect(said.at(-1)).toBe("drain: not done in 630 s: the sweep ends what runs");
});

test("after a failed first up nothing is written and nothing waited for", async () => {
  const { deps, finish, seconds, order } = makeWorld();
  expect(await finish(drain(drainOptions, deps, never))).toBeNull();
  expect([seconds(), order()]).toEqual([0, null]);
});

test("interrupted, it takes the order back: a stack that stays goes on working", async () => {
  const { world, deps, clock, finish, order } = makeWorld();
  world.status(null);
  const stop = new AbortController();
  clock.after(20_000, () => stop.abort(new Error("interrupted")));
  expect(await finish(drain(drainOptions, deps, stop.signal))).toBe("interrupted");
  expect(order()).toBeNull();
});
