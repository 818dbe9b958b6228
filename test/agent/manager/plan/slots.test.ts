// Goal: machines that always exist are started when jobs wait, one at a time each, serve job after job, and are given up by
// nothing but a reason of their own.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { plan } from "../../../../agent/manager/plan.ts";
import { slotWarnings } from "../../../../agent/manager/plan/slots.ts";
import type { Machine, Offer, Stage, World } from "../../../../agent/manager/world.ts";
import { actionsOf } from "../planning.ts";
import { anyWorld, config, demand, machine, now, offer, registered, report, world } from "../worlds.ts";

const slots = (ids: readonly string[], free = true) =>
  ids.map((id) => ({ id, free, why: free ? "it powered itself off" : "EC2 has no such instance" }));
const slotOffer = (ids: readonly string[], over: Partial<Offer> = {}) =>
  offer({ key: "fixed", slots: slots(ids), ...over });
const slot = (id: string, stage: Stage, over: Partial<Machine> = {}) =>
  machine(id, stage, { slot: true, offer: "fixed", ...over });
const ended = (state: World) => actionsOf(state, "end").map(({ machine: id, why }) => [id, why]);

describe("jobs that wait", () => {
  test("start slots by their names, cost nothing, and the rest goes to the next offer", () => {
    const state = world({
      config: config({ a: { max: 9 } }, 250_000),
      offers: { a: [slotOffer(["s1", "s2"]), offer({ key: "spot", priceMicros: 100_000 })] },
      demand: { a: demand(5) },
    });
    expect(actionsOf(state, "launch").map(({ offer: of, count, slots: ids }) => [of, count, ids])).toEqual([
      ["fixed", 2, ["s1", "s2"]],
      ["spot", 2, undefined],
    ]);
    expect(plan(state, now, limits).capacity.a).toBe(4);
  });

  test("start none that is here in any way, is on its way out, or cannot be started", () => {
    const state = world({
      offers: { a: [offer({ key: "fixed", slots: [...slots(["s1", "s2"]), ...slots(["s3"], false)] })] },
      machines: [slot("s1", "done"), slot("s2", "busy")],
      demand: { a: demand(3, 1) },
    });
    expect(actionsOf(state, "launch")).toEqual([]);
    expect(plan(state, now, limits).refusals.a).toEqual([
      {
        reason: "not-offered",
        jobs: 2,
        detail: expect.stringMatching(
          /^fixed: its machines, which always exist, are all in use.*s3 \(EC2 has no such/,
        ) as string,
      },
    ]);
  });

  test("of an offer under a circuit try one", () => {
    const state = world({
      offers: { a: [slotOffer(["s1", "s2"])] },
      demand: { a: demand(2) },
      circuits: {
        "offer:fixed": { is: "open", untilMs: now - 1, reason: "no-capacity", detail: "", trips: 1 },
      },
    });
    expect(actionsOf(state, "launch")).toMatchObject([{ count: 1, slots: ["s1"] }]);
  });

  test("get a registration on a slot that served before, once it is ready", () => {
    const job = {
      ...{ name: "j", startedMs: now - 9_000, startedAtGitHub: true, completedMs: now - 5_000 },
      ...{ jobId: "1", runner: "s1" },
    };
    const state = world({ machines: [slot("s1", "enrolled", { job, life: 1 })], demand: { a: demand(1) } });
    expect(actionsOf(state, "mint")).toMatchObject([{ machine: "s1", life: 2, name: "s1-2" }]);
    expect(ended(state)).toEqual([]);
  });
});

describe("a slot for which no job waits", () => {
  const longAgo = now - 10 * limits.orphanJobMs;
  test("stays for ever, and stands for a machine that would wait", () => {
    const idle = slot("s1", "enrolled", { stageMs: longAgo, enrolledMs: longAgo, recipe: "r1" });
    const other = machine("m1", "enrolled", { stageMs: longAgo, enrolledMs: longAgo });
    const state = world({
      config: config({ a: { minIdle: 1 } }),
      machines: [idle, other],
      demand: { a: demand(0) },
    });
    expect(ended(state)).toEqual([["m1", "it was idle"]]);
  });

  test("gives its registration back when it listens in vain", () => {
    const state = world({
      machines: [registered("s1", "listening", { slot: true, stageMs: longAgo })],
      reports: { s1: report({ phase: "listening" }) },
      demand: { a: demand(0) },
    });
    expect(actionsOf(state, "retire")).toMatchObject([{ machine: "s1" }]);
  });

  test("is drained like any other", () => {
    const state = world({ machines: [slot("s1", "enrolled")], demand: { a: demand(0) }, draining: true });
    expect(ended(state)).toEqual([["s1", "it was idle"]]);
  });
});

describe("a slot of before a lost journal", () => {
  const spent = (over: Partial<Machine>) => slot("s1", "starting", { spent: true, ...over });
  test("is started anew when nobody spoke of a job there for a minute and a half", () => {
    const since = (ms: number) =>
      world({ machines: [spent({ stageMs: now - ms })], demand: { a: demand(0) } });
    expect(ended(since(limits.syncLateMs - 1))).toEqual([]);
    expect(ended(since(limits.syncLateMs))).toEqual([
      ["s1", "it was started before the journal was complete"],
    ]);
  });

  test("gets no job", () => {
    const state = world({ machines: [slot("s1", "enrolled", { spent: true })], demand: { a: demand(1) } });
    expect(actionsOf(state, "mint")).toEqual([]);
  });
});

test("people see which stand still, and why, and not those that are here", () => {
  const state = world({
    offers: { a: [offer({ key: "fixed", slots: [...slots(["s1", "s2"]), ...slots(["s3"], false)] })] },
    machines: [slot("s2", "done")],
  });
  expect(slotWarnings(state, "a")).toEqual([
    "fixed: stopped, and started when a job waits: s1 (it powered itself off).",
    "fixed: cannot be used: s3 (EC2 has no such instance).",
  ]);
});

test("whatever the world: no slot is started twice or while it is here, and none is given up for being idle or of old settings", () => {
  const worlds = fc.record({
    base: anyWorld,
    kept: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
    free: fc.nat(4),
  });
  fc.assert(
    fc.property(worlds, ({ base, kept, free }) => {
      const machines = Object.fromEntries(
        Object.values(base.machines).map((each, n) => [
          each.id,
          kept[n] ? { ...each, slot: true as const, recipe: "r1" } : each,
        ]),
      );
      const ids = [...Object.keys(machines).slice(0, 2), ...Array.from({ length: free }, (_, n) => `s${n}`)];
      const offers = { ...base.offers, a: [slotOffer(ids), ...base.offers.a!] };
      const state: World = { ...base, machines, offers };
      const { actions } = plan(state, now, limits);
      const started = actions.flatMap((action) => (action.do === "launch" ? (action.slots ?? []) : []));
      expect(new Set(started).size).toBe(started.length);
      expect(started.filter((id) => machines[id])).toEqual([]);
      for (const action of actions) {
        if (action.do === "launch" && action.slots) expect(action.count).toBe(action.slots.length);
        if (action.do !== "end" || state.draining || !machines[action.machine]!.slot) continue;
        expect(["it was idle", "its settings changed", "its job ended"]).not.toContain(
          machines[action.machine]!.spent || machines[action.machine]!.stage === "retiring" ? "" : action.why,
        );
      }
    }),
    { numRuns: 500 },
  );
});
