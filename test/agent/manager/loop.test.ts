import { pino } from "pino";
import { expect, test } from "vitest";
import type { Deps } from "../../../agent/manager/deps.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { makeLoop } from "../../../agent/manager/loop.ts";
import type { Action } from "../../../agent/manager/plan.ts";
import type { Fact } from "../../../agent/manager/facts.ts";
import type { World } from "../../../agent/manager/world.ts";
import { virtualClock } from "../../simulation/clock.ts";
import { demand, machine, world } from "./worlds.ts";

function start(
  first: World,
  save: (before: World, after: World) => void = () => {},
  heartbeat: () => void = () => {},
) {
  const clock = virtualClock();
  const deps: Deps = { clock, random: () => 0, id: () => "1", log: pino({ level: "silent" }), fetch };
  const journal = {
    launches: [],
    machines: [],
    completeSinceMs: 0,
    whole: true,
    draining: false,
    save,
    heartbeat,
    close: () => {},
  };
  const errors: unknown[] = [];
  const loop = makeLoop({ world: first, journal, limits, deps, broken: (error) => errors.push(error) });
  const plans: (readonly Action[])[] = [];
  loop.start((actions) => plans.push(actions));
  return { clock, loop, plans, errors };
}
const wants = (assigned: number): Fact => ({
  is: "demand-seen",
  pool: "a",
  statistics: demand(assigned).statistics,
  news: [],
  labelsDropped: [],
});
const heard = (sequence: number): Fact => ({
  is: "synced",
  machine: "m1",
  life: 0,
  done: 0,
  job: null,
  report: { sequence, phase: "ready", lastLife: null, problem: null, usage: null },
});

test("a fact is planned within milliseconds", async () => {
  const { clock, loop, plans } = start(world());
  await clock.advance(1_000);
  const before = plans.length;
  loop.report(wants(1));
  await clock.advance(limits.coalesceIdleMs);
  expect(plans.slice(before)).toMatchObject([[{ do: "launch", count: 1 }]]);
});

test("a burst of facts is planned together, and never later than coalesceMsMax", async () => {
  const { clock, loop, plans } = start(world());
  await clock.advance(1_000);
  const before = plans.length;
  for (let ms = 0; ms < limits.coalesceMsMax; ms += 2) {
    loop.report(wants(1 + ms));
    await clock.advance(2);
  }
  expect(plans.length - before).toBe(1);
});

test("without news the loop looks again after a tick", async () => {
  const { clock, plans } = start(world());
  await clock.advance(1_000);
  const before = plans.length;
  await clock.advance(3 * limits.tickMsMax);
  expect(plans.length - before).toBe(3);
});

test("a sync that says nothing new wakes nobody, one with a new phase does", async () => {
  const { clock, loop, plans } = start(
    world({ machines: [machine("m1", "enrolled", { introduced: true })] }),
  );
  await clock.advance(1_000);
  const before = plans.length;
  loop.report(heard(2));
  await clock.advance(limits.coalesceMsMax);
  expect(plans.length).toBe(before);
  const fact = heard(3);
  if (fact.is === "synced") loop.report({ ...fact, report: { ...fact.report, phase: "preparing" } });
  await clock.advance(limits.coalesceMsMax);
  expect(plans.length).toBe(before + 1);
});

test("a report whose only news is that a graphics processor works is planned for at once, its figures are not", async () => {
  const { clock, loop, plans } = start(
    world({ machines: [machine("m1", "enrolled", { introduced: true })] }),
  );
  await clock.advance(1_000);
  const before = plans.length;
  const says = async (sequence: number, health: "checking" | "ok", utilizationPercent: number) => {
    const figures = { memoryMb: 1, memoryUsedMb: 1, utilizationPercent, temperatureC: 1 };
    const gpu = { vendor: "nvidia" as const, model: "x", driver: null, problem: null, health, ...figures };
    const room = { memoryUsedMb: 1, memoryTotalMb: 2, diskFreeMb: 1, diskTotalMb: 2 };
    const fact = heard(sequence);
    if (fact.is !== "synced") return;
    loop.report({ ...fact, report: { ...fact.report, usage: { cpuPercent: 1, ...room, gpus: [gpu] } } });
    await clock.advance(limits.coalesceMsMax);
  };
  await says(2, "checking", 0);
  await says(3, "ok", 0);
  const woken = plans.length;
  expect(woken).toBe(before + 2);
  await says(4, "ok", 90);
  expect(plans.length).toBe(woken);
});

test("a journal that cannot be written stops launches, and everything is written once it can", async () => {
  let full = true;
  let written: World | null = null;
  const refuse = () => {
    if (full) throw new Error("ENOSPC");
  };
  const { clock, loop, plans } = start(
    world(),
    (_before, after) => {
      refuse();
      written = after;
    },
    refuse,
  );
  expect(loop.report(wants(1))).toBe(false);
  await clock.advance(60_000);
  expect(plans.flat().filter((action) => action.do === "launch")).toEqual([]);
  full = false;
  await clock.advance(limits.journalRetryMs + limits.coalesceMsMax);
  expect(plans.at(-1)).toMatchObject([{ do: "launch" }]);
  expect(written).toMatchObject({ demand: { a: {} } });
  expect(loop.world().journalWritable).toBe(true);
});

test("a fact that fits in where others do not lets no launch begin, so that nothing is tried without end", async () => {
  const starts = machine("m1", "asked", { launch: "l1", startedMs: null });
  const { clock, loop, plans } = start(
    world(),
    (before, after) => {
      if (Object.keys(after.machines).length > Object.keys(before.machines).length) throw new Error("ENOSPC");
    },
    () => {
      throw new Error("ENOSPC");
    },
  );
  const launch = {
    id: "l1",
    backend: "local",
    request: { pool: "a", offer: "local", machines: ["m1"] },
    worstMicros: 0,
    askedMs: 0,
    sentMs: 0,
    sends: 1,
    is: "in-flight" as const,
  };
  loop.report(wants(1));
  expect(loop.report({ is: "launch-sent", launch, machines: [starts] })).toBe(false);
  expect(loop.report({ is: "launched", launch: "l1", machines: [], failures: [] })).toBe(true);
  const before = plans.length;
  await clock.advance(60_000);
  expect(plans.slice(before).flat()).toEqual([]);
  expect(plans.length - before).toBeLessThan(10);
});

test("a contradiction is reported with the world instead of being acted on", async () => {
  const { clock, loop, errors, plans } = start(world());
  await clock.advance(1_000);
  const before = plans.length;
  loop.report({ ...wants(1), statistics: null } as unknown as Fact);
  await clock.advance(1_000);
  expect(errors.length).toBe(1);
  expect(plans.length).toBe(before);
});
