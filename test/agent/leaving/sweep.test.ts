import { expect, test } from "vitest";
import { sweep } from "../../../agent/leaving/sweep.ts";
import { machine, makeWorld, never, sweepOptions } from "./world.ts";

test("every machine is ended in batches, then what the stack has at GitHub", async () => {
  const { world, deps, finish, machines, terminated, forgets, said } = makeWorld();
  world.add(...Array.from({ length: 230 }, (_, index) => machine(`i-${index}`)));
  expect(await finish(sweep(sweepOptions, deps, never))).toBeNull();
  expect(machines().size).toBe(0);
  expect(terminated.map((ids) => ids.length)).toEqual([100, 100, 30]);
  expect(forgets).toEqual(["https://github.com/acme"]);
  expect(said.at(-2)).toBe("sweep: eu-central-1: 230 machines ended, nothing is left");
  expect(said.at(-1)).toBe(
    "sweep: https://github.com/acme: no scale set and no runner of this stack is left",
  );
});

test("a machine that lists did not show yet is found as well", async () => {
  const { world, deps, clock, finish, machines } = makeWorld();
  clock.after(4_000, () => world.add(machine("i-late")));
  expect(await finish(sweep(sweepOptions, deps, never))).toBeNull();
  expect(machines().size).toBe(0);
});

test("one that cannot be ended does not keep the others, and is named with its reason in ten minutes", async () => {
  const { world, deps, finish, machines, forgets, seconds } = makeWorld();
  world.add(machine("i-1"), machine("i-kept"), machine("i-3"));
  world.protected.add("i-kept");
  const error = await finish(sweep(sweepOptions, deps, never));
  expect(error).toContain(
    "eu-central-1: 1 machine could not be ended in 10 minutes: i-kept (OperationNotPermitted: i-kept)",
  );
  expect([...machines().keys()]).toEqual(["i-kept"]);
  expect(seconds()).toBeLessThan(660);
  expect(forgets).toHaveLength(1);
});

test("volumes and interfaces that nothing uses are removed; one in use is named after a minute", async () => {
  const { deps, leftovers, finish } = makeWorld();
  leftovers.set("vol-1", { id: "vol-1", kind: "volume", free: true });
  leftovers.set("eni-1", { id: "eni-1", kind: "network interface", free: false });
  expect(await finish(sweep(sweepOptions, deps, never))).toMatch(/network interface eni-1 \(in use\)/);
  expect([...leftovers.keys()]).toEqual(["eni-1"]);
});

test("with GitHub down, or without a credential, it ends, succeeds and names what may remain", async () => {
  const down = makeWorld();
  down.world.forget = () => Promise.reject(new Error("no answer from GitHub"));
  expect(await down.finish(sweep(sweepOptions, down.deps, never))).toBeNull();
  expect(down.said.at(-1)).toContain("no answer from GitHub");
  expect(down.said.at(-1)).toContain("muster-dev-arm64, muster-dev-gpu");

  const without = makeWorld();
  without.world.secret = () => Promise.reject(new Error("ParameterNotFound"));
  expect(await without.finish(sweep(sweepOptions, without.deps, never))).toBeNull();
  expect(without.said.at(-1)).toContain("no credential is in reach: ParameterNotFound");
  expect(without.forgets).toEqual([]);

  const part = makeWorld();
  part.world.forget = () => Promise.resolve(["runner arm64-1: a job still runs on it"]);
  expect(await part.finish(sweep(sweepOptions, part.deps, never))).toBeNull();
  expect(part.said.at(-1)).toContain("runner arm64-1: a job still runs on it");
});

test("interrupted it stops at once, and repeated it goes on where it was", async () => {
  const { world, deps, clock, finish, machines, forgets } = makeWorld();
  world.add(machine("i-1"), machine("i-2"));
  const stop = new AbortController();
  clock.after(7_000, () => stop.abort(new Error("interrupted")));
  expect(await finish(sweep(sweepOptions, deps, stop.signal))).toBe("interrupted");
  expect([machines().size, forgets.length]).toEqual([2, 0]);
  expect(await finish(sweep(sweepOptions, deps, never))).toBeNull();
  expect([machines().size, forgets.length]).toEqual([0, 1]);
});

test("each region is swept, also when another one fails", async () => {
  const { world, deps, finish, machines } = makeWorld();
  world.add(machine("i-kept"));
  world.protected.add("i-kept");
  machines("us-east-1").set("i-9", machine("i-9"));
  const options = { ...sweepOptions, regions: ["eu-central-1", "us-east-1"] };
  expect(await finish(sweep(options, deps, never))).toContain("i-kept");
  expect(machines("us-east-1").size).toBe(0);
});
