import { describe, expect, test } from "vitest";
import type { Machine } from "../../../../agent/manager/world.ts";
import { actionsOf, launchCount } from "../planning.ts";
import { config, demand, machine, now, registered, world } from "../worlds.ts";

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

  test("waiting machines of old settings are replaced, the new ones first", () => {
    const settings = config({ a: { minIdle: 1 } });
    const old = machine("old", "enrolled", { recipe: "r0" });
    const alone = world({ config: settings, machines: [old] });
    expect([launchCount(alone), actionsOf(alone, "end")]).toEqual([1, []]);
    const both = world({ config: settings, machines: [old, machine("new", "enrolled")] });
    expect([launchCount(both), actionsOf(both, "end")]).toMatchObject([0, [{ machine: "old" }]]);
  });

  test("without room for a new one beside it, an old waiting machine makes room", () => {
    const settings = config({ a: { minIdle: 1, max: 1 } });
    expect(
      actionsOf(world({ config: settings, machines: [machine("old", "enrolled", { recipe: "r0" })] }), "end"),
    ).toHaveLength(1);
  });
});

test("a busy machine that GitHub's figures call busy already does not stand for a job that waits", () => {
  const job = {
    name: "j",
    startedMs: now - 500,
    startedAtGitHub: false,
    completedMs: null,
    jobId: null,
    runner: "m1",
  };
  const long = { stageMs: now - 1e6 };
  const machines = [
    registered("m1", "busy", { job }),
    registered("m2", "listening", long),
    registered("m3", "listening", long),
  ];
  // JobStarted of m1's job was lost; two more jobs wait, and two listen for them.
  expect(actionsOf(world({ machines, demand: { a: demand(3, 1) } }), "retire")).toEqual([]);
});

test("a job that is done before GitHub says that it began does not stand for one that waits", () => {
  const job = {
    name: "j",
    startedMs: now - 500,
    startedAtGitHub: false,
    completedMs: null,
    jobId: null,
    runner: "m1",
  };
  const busy = registered("m2", "busy", { job: { ...job, startedAtGitHub: true, runner: "m2" } });
  const waits = machine("m3", "enrolled", { stageMs: now - 1e6 });
  const machines = [registered("m1", "done", { job }), busy, waits];
  // m1's job is over and no longer counted: the two are m2's and one that waits.
  expect(actionsOf(world({ machines, demand: { a: demand(2, 1) } }), "end")).toEqual([]);
});
