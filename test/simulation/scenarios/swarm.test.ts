// Goal: the manager loses no job, leaves no machine and keeps its promises while everything round it fails. Method: each seed
// draws pools, offers, limits and a subset of all faults; then enough is healed, and everything must come to an end.
import { describe, expect, test } from "vitest";
import { allKinds } from "../faults.ts";
import { runScenario } from "../run.ts";
import { drawScenario } from "../scenario.ts";
import { failureOf, parts, seedCount } from "../seeds.ts";

describe("a storm of faults", () => {
  test.each(parts(seedCount(200), 20))("seeds $from to $to", async ({ from, to }) => {
    for (let seed = from; seed <= to; seed++) {
      expect(failureOf(await runScenario(drawScenario(seed))), `seed ${seed}`).toBeNull();
    }
  });
});

describe("the same storm, where the cloud names its machines itself", () => {
  test.each(parts(seedCount(100), 20))("seeds $from to $to", async ({ from, to }) => {
    for (let seed = from; seed <= to; seed++) {
      expect(failureOf(await runScenario(drawScenario(seed, allKinds, "own"))), `seed ${seed}`).toBeNull();
    }
  });
});

// One seed of a hundred, at least two.
const again = parts(Math.max(2, Math.ceil(seedCount(200) / 100)), 1).map(({ from }) => from * 37);

test.each(again)("seed %i run twice is the same run, to the last event", async (seed) => {
  const [one, two] = [await runScenario(drawScenario(seed)), await runScenario(drawScenario(seed))];
  expect([two.hash, two.steps]).toEqual([one.hash, one.steps]);
});
