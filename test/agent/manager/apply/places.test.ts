// Where a backend names its machines itself, what the request named are places: each machine takes one, once.
import { describe, expect, test } from "vitest";
import { isOfLaunch } from "../../../../agent/manager/apply/places.ts";
import type { Fact } from "../../../../agent/manager/facts.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { isAlive, type World } from "../../../../agent/manager/world.ts";
import { after, entry, listed } from "../facts.ts";
import { machine, now, registered, world } from "../worlds.ts";

const launch = {
  id: "l1",
  backend: "local",
  request: { pool: "a", offer: "local", machines: ["a-l1-0", "a-l1-1"] },
  worstMicros: 7,
  askedMs: now - 5_000,
  sentMs: now - 5_000,
  sends: 1,
  is: "in-flight" as const,
};
const place = (id: string) =>
  machine(id, "asked", {
    ...{ launch: "l1", startedMs: null, askedMs: now - 5_000, stageMs: now - 5_000, priceMicros: 7 },
  });
const sent = after(world(), {
  is: "launch-sent",
  launch,
  machines: [place("a-l1-0"), place("a-l1-1")],
});
const failure = {
  reason: "no-capacity",
  scope: { on: "offer", key: "local" },
  detail: "none left",
  retryAfterMs: null,
} as const;
const launched = (machines: string[], refused = false): Fact => ({
  is: "launched",
  launch: "l1",
  machines,
  failures: refused ? [failure] : [],
});
const unknown: Fact = { is: "launch-unknown", launch: "l1", failure: { ...failure, reason: "unavailable" } };
const of = (id: string, over = {}) => entry(id, { launch: "l1", ...over });
const stages = ({ machines }: World) =>
  Object.fromEntries(Object.values(machines).map(({ id, stage }) => [id, stage]));

describe("an answer with names of the backend's own", () => {
  test("gives each machine one place, with all that was known of it", () => {
    const next = after(sent, launched(["i-1", "i-2"]));
    expect(stages(next)).toEqual({ "i-1": "starting", "i-2": "starting" });
    expect(next.machines["i-1"]).toMatchObject({
      ...{ id: "i-1", launch: "l1", priceMicros: 7, recipe: "r1", spent: false },
      ...{ askedMs: now - 5_000, startedMs: now, missing: null },
    });
    expect(next.launches["l1"]).toMatchObject({ is: "settled", named: ["i-1", "i-2"] });
  });

  test("in part: the places that nobody took go, and what was full is closed", () => {
    const next = after(sent, launched(["i-1"], true));
    expect(stages(next)).toEqual({ "i-1": "starting" });
    expect(next.circuits["offer:local"]).toMatchObject({ reason: "no-capacity" });
  });

  test("with more machines than places keeps the others too", () => {
    expect(stages(after(sent, launched(["i-1", "i-2", "i-3"])))).toEqual({
      ...{ "i-1": "starting", "i-2": "starting", "i-3": "starting" },
    });
  });

  test("that also names one of the request takes the other's place, in whichever order", () => {
    for (const ids of [
      ["i-1", "a-l1-0"],
      ["a-l1-0", "i-1"],
    ])
      expect(stages(after(sent, launched(ids)))).toEqual({ "i-1": "starting", "a-l1-0": "starting" });
  });

  test("that comes again changes nothing, also when one of them is over by then", () => {
    const named = after(sent, launched(["i-1", "i-2"]));
    expect(after(named, launched(["i-1", "i-2"]))).toEqual(named);
    const first = after(sent, unknown, listed([of("i-1")]));
    const over = { ...first, machines: { "a-l1-1": first.machines["a-l1-1"]! } };
    expect(stages(after(over, launched(["i-1", "i-2"])))).toEqual({ "i-2": "starting" });
  });

  test("to a repeat leaves the places of the rest in doubt", () => {
    const next = after(sent, { is: "launch-repeated", launch: "l1" }, launched(["i-1"], true));
    expect(stages(next)).toEqual({ "i-1": "starting", "a-l1-1": "asked" });
    expect(next.launches["l1"]?.is).toBe("unknown");
  });
});

describe("a list with names of the backend's own", () => {
  test("after a lost answer: each machine takes a place, the rest stays in doubt until it is over", () => {
    const next = after(sent, unknown, listed([of("i-1")]));
    expect(stages(next)).toEqual({ "i-1": "starting", "a-l1-1": "asked" });
    expect(next.machines["i-1"]).toMatchObject({ askedMs: now - 5_000, startedMs: now - 1_000 });
    const doubtMs = launch.sentMs + limits.unknownSettleMs + limits.visibilityGraceMs;
    const still = after(next, listed([of("i-1")], doubtMs - 20_000), listed([of("i-1")], doubtMs - 1));
    expect(stages(still)).toEqual({ "i-1": "starting", "a-l1-1": "asked" });
    const settled = after(next, listed([of("i-1")], doubtMs), listed([of("i-1")], doubtMs + 10_000));
    expect(stages(settled)).toEqual({ "i-1": "starting" });
  });

  test("before the answer: the answer finds them in their places", () => {
    const early = after(sent, listed([of("i-2")]));
    expect(stages(early)).toEqual({ "i-2": "starting", "a-l1-1": "asked" });
    expect(stages(after(early, launched(["i-1", "i-2"])))).toEqual({ "i-1": "starting", "i-2": "starting" });
    expect(stages(after(early, launched(["i-2"], true)))).toEqual({ "i-2": "starting" });
  });

  test("at the very moment at which a place would be given up", () => {
    const late = launch.sentMs + limits.unknownSettleMs + limits.visibilityGraceMs;
    const doubted = after(sent, unknown, listed([], late));
    expect(stages(after(doubted, listed([of("i-1"), of("i-2")], late + 10_000)))).toEqual({
      ...{ "i-1": "starting", "i-2": "starting" },
    });
  });

  test("of a machine whose place was given up meanwhile: it is ended like its place", () => {
    const why = "it did not enrol within 300 s";
    const given = after(
      sent,
      unknown,
      { is: "end-asked", machine: "a-l1-0", why, failedBoot: false },
      { is: "end-asked", machine: "a-l1-1", why, failedBoot: false },
      { is: "destroy-asked", machines: ["a-l1-0"] },
    );
    const next = after(given, listed([of("i-1")]));
    expect(next.machines["i-1"]).toMatchObject({ stage: "done", ending: why, destroyAskedMs: null });
    expect(Object.values(next.machines).filter(isAlive)).toEqual([]);
  });

  test("of a launch that nobody remembers: it is adopted as spent, as ever", () => {
    expect(after(world(), listed([of("i-1")])).machines["i-1"]).toMatchObject({ spent: true });
  });

  test("of what an older journal remembers: the machine is spent like its place, and its record is looked for by its name", () => {
    const old = { ...registered("a-l1-0", "asked"), launch: "l1", startedMs: null, spent: true };
    const next = after(world({ machines: [old], launches: { l1: launch } }), listed([of("i-1")]));
    expect(next.machines["i-1"]).toMatchObject({ spent: true, registration: { name: "i-1", life: 1 } });
  });

  test("however often a machine is told of, it takes one place, also after it is gone and forgotten", () => {
    const one = after(sent, unknown, listed([of("i-1")]), listed([of("i-1")], now + 1));
    const launches = { l1: one.launches["l1"]! };
    const forgotten = world({ machines: [one.machines["a-l1-1"]!], launches });
    expect(stages(after(forgotten, listed([of("i-1", { running: false })])))).toEqual({
      ...{ "a-l1-1": "asked", "i-1": "starting" },
    });
    expect(isOfLaunch(launches.l1, "i-1")).toBe(true);
  });
});

describe("a machine that is listed only to say that it is gone", () => {
  const gone = (interrupted: boolean) => ({
    running: false,
    end: { why: "Server.SpotInstanceTermination: taken back", interrupted, gone: true },
  });
  test("is lost and gone at once, with its backend's words", () => {
    const start = world({ machines: [registered("m1", "busy", { stageMs: now - 9_000 })], reports: {} });
    expect(after(start, listed([entry("m1", gone(false))])).machines["m1"]).toMatchObject({
      ...{ stage: "lost", gone: true, ending: "Server.SpotInstanceTermination: taken back" },
    });
  });

  test("closes its offer when it was taken away, once, and blames no recipe for it", () => {
    const start = world({ machines: [machine("m1", "starting", { stageMs: now - 9_000 })] });
    const next = after(start, listed([entry("m1", gone(true))]), listed([entry("m1", gone(true))], now + 1));
    expect(next.circuits["offer:local"]).toMatchObject({ reason: "interrupted", trips: 1 });
    expect(next.boots).toEqual({});
    expect(after(start, listed([entry("m1", gone(false))])).boots).toEqual({ "a/local": [false] });
  });

  test("closes its offer also when its agent's last words came first", () => {
    const start = world({ machines: [registered("m1", "done", { stageMs: now - 9_000 })] });
    const next = after(start, listed([entry("m1", gone(true))]));
    expect(next.machines["m1"]).toMatchObject({ stage: "done", gone: true });
    expect(next.circuits["offer:local"]).toMatchObject({ reason: "interrupted" });
  });

  test("that nobody knows is not adopted; of a launch in doubt it takes its place and frees it", () => {
    expect(after(world(), listed([of("i-1", gone(false))])).machines).toEqual({});
    const next = after(sent, unknown, listed([of("i-1", gone(false))]));
    expect(stages(next)).toEqual({ "a-l1-1": "asked" });
    expect(next.launches["l1"]).toMatchObject({ named: ["i-1"] });
  });
});
