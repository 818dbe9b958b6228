// Goal: a pool that must not be used stands still and loses nothing. Method: fast-check puts a refusal into any world; the
// examples below are read as the rules.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apply } from "../../../../agent/manager/apply.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { plan } from "../../../../agent/manager/plan.ts";
import { accessReasons, type AccessReason, type World } from "../../../../agent/manager/world.ts";
import { after } from "../facts.ts";
import { actionsOf, launchCount } from "../planning.ts";
import { anyWorld, config, demand, machine, now, registered, world } from "../worlds.ts";

const refusal = (reason: AccessReason) => ({ reason, detail: `Because of ${reason}.` });
const refused = (reason: AccessReason): World["access"] => ({
  a: { refusals: [refusal(reason)], warnings: [] },
});
const everywhere = (property: (before: World, held: World, reason: AccessReason) => void) =>
  fc.assert(
    fc.property(anyWorld, fc.constantFrom(...accessReasons), (before, reason) =>
      property(before, { ...before, access: refused(reason) }, reason),
    ),
    { numRuns: 500 },
  );

describe("in any world a refused pool", () => {
  test("launches, repeats and registers nothing, and has room for nothing", () => {
    everywhere((_, held) => {
      expect(launchCount(held, "a")).toBe(0);
      expect(actionsOf(held, "mint").filter(({ pool }) => pool === "a")).toEqual([]);
      expect(plan(held, now, limits).capacity["a"]).toBe(0);
    });
  });

  test("loses no busy machine: whatever ends or goes there would go without the refusal, or was idle", () => {
    everywhere((before, held) => {
      const ends = (world: World) =>
        plan(world, now, limits).actions.flatMap((action) =>
          action.do === "end" || action.do === "retire" ? [action.machine] : [],
        );
      const usual = new Set(ends(before));
      for (const id of ends(held)) if (!usual.has(id)) expect(held.machines[id]!.stage).not.toBe("busy");
      expect(actionsOf(held, "destroy")).toEqual(actionsOf(before, "destroy"));
    });
  });

  test("names the refusal to every job that waits there", () => {
    everywhere((_, held, reason) => {
      const { figures, refusals } = plan(held, now, limits);
      const own = figures["a"]!;
      const waits = own.waiting - own.coming.length + own.available > 0;
      const free = !held.draining && held.launchesFromMs <= now;
      if (waits && free) expect(refusals["a"]![0]!.reason).toBe(reason);
    });
  });

  test("leaves other pools what they had: they launch as many or more", () => {
    everywhere((before, held) => {
      expect(launchCount(held, "b")).toBeGreaterThanOrEqual(launchCount(before, "b"));
    });
  });
});

test("strangers find no idle runner: what listens is removed and what waits ends, at once", () => {
  const machines = [registered("m1", "listening"), machine("m2", "enrolled"), registered("m3", "busy")];
  const settings = config({ a: { minIdle: 2 } });
  const believed = { config: settings, machines, demand: { a: demand(2, 1) } };
  const held = world({ ...believed, access: refused("public-repository") });
  expect(actionsOf(held, "retire").map((action) => action.machine)).toEqual(["m1"]);
  expect(actionsOf(held, "end").map((action) => action.machine)).toEqual(["m2"]);
});

test.each(["access-unread", "label-clash"] as const)(
  "%s keeps what is idle for when it is over",
  (reason) => {
    const machines = [registered("m1", "listening"), machine("m2", "enrolled")];
    const held = world({ machines, demand: { a: demand(2) }, access: refused(reason) });
    expect([...actionsOf(held, "retire"), ...actionsOf(held, "end")]).toEqual([]);
  },
);

test("a lost launch is not asked for again while the pool is refused", () => {
  const launch = {
    id: "l1",
    backend: "local",
    request: { pool: "a", offer: "local", machines: ["m1"] },
    worstMicros: 0,
    askedMs: now - 20_000,
    sentMs: now - 20_000,
    sends: 1,
    is: "unknown" as const,
  };
  const parts = { launches: { l1: launch }, machines: [machine("m1", "asked", { launch: "l1" })] };
  expect(actionsOf(world(parts), "repeat-launch")).toHaveLength(1);
  expect(actionsOf(world({ ...parts, access: refused("public-repository") }), "repeat-launch")).toEqual([]);
});

test("a fact brings a refusal, another takes it away, and one without news changes nothing", () => {
  const waiting = world({ demand: { a: demand(2) } });
  const fact = {
    is: "access-seen",
    pool: "a",
    refusals: [refusal("public-repository")],
    warnings: [],
  } as const;
  const held = after(waiting, fact);
  expect(launchCount(held)).toBe(0);
  expect(apply(held, fact, now, limits)).toBe(held);
  expect(launchCount(after(held, { ...fact, refusals: [] }))).toBe(2);
  expect(apply(waiting, { ...fact, pool: "unknown" }, now, limits)).toBe(waiting);
});
