import { describe, expect, test } from "vitest";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { plan } from "../../../../agent/manager/plan.ts";
import { launchCount } from "../planning.ts";
import { config, demand, machine, now, offer, registered, world } from "../worlds.ts";

describe("launching", () => {
  test("one machine for each waiting job", () => {
    expect(launchCount(world({ demand: { a: demand(3) } }))).toBe(3);
  });

  test("machines on their way are counted", () => {
    const machines = [machine("m1", "asked"), machine("m2", "enrolled")];
    expect(launchCount(world({ machines, demand: { a: demand(3) } }))).toBe(1);
  });

  test("minIdle machines are started without jobs, within max", () => {
    expect(launchCount(world({ config: config({ a: { minIdle: 2, max: 1 } }) }))).toBe(1);
  });

  test("a job that its machine already runs, before GitHub's figures say so, orders no second machine", () => {
    const job = {
      name: "j",
      startedMs: now - 500,
      startedAtGitHub: false,
      completedMs: null,
      jobId: null,
      runner: "m1",
    };
    const busy = registered("m1", "busy", { job });
    expect(launchCount(world({ machines: [busy], demand: { a: demand(1, 0) } }))).toBe(0);
  });

  test("a job that ended on a finished machine, before GitHub's figures say so, orders no second machine", () => {
    const job = {
      name: "j",
      startedMs: now - 5_000,
      startedAtGitHub: false,
      completedMs: null,
      jobId: null,
      runner: "m1",
    };
    const done = registered("m1", "done", { job });
    expect(launchCount(world({ machines: [done], demand: { a: demand(1, 0) } }))).toBe(0);
  });

  test("a job held running by a machine that is gone for six hours orders at most one machine, and not for itself", () => {
    expect(launchCount(world({ demand: { a: demand(1, 1) } }))).toBe(0);
    expect(launchCount(world({ demand: { a: demand(2, 1) } }))).toBe(1);
  });

  test("JobAssigned beside figures of 0 is believed", () => {
    const told = { ...demand(0), uncounted: 1 };
    expect(launchCount(world({ demand: { a: told } }))).toBe(1);
  });

  test("a closed offer spills over to the next within the same plan", () => {
    const offers = { a: [offer({ key: "first" }), offer({ key: "second" })] };
    const circuits = {
      "offer:first": {
        is: "open",
        untilMs: now + 1,
        reason: "no-capacity",
        detail: "full",
        trips: 1,
      } as const,
    };
    expect(launchCount(world({ offers, circuits, demand: { a: demand(2) } }), "a", "second")).toBe(2);
  });

  test("after its pause a circuit lets one probe through and the rest goes elsewhere", () => {
    const offers = { a: [offer({ key: "first" }), offer({ key: "second" })] };
    const circuits = {
      "offer:first": { is: "open", untilMs: now, reason: "no-capacity", detail: "full", trips: 1 } as const,
    };
    const probed = world({ offers, circuits, demand: { a: demand(3) } });
    expect([launchCount(probed, "a", "first"), launchCount(probed, "a", "second")]).toEqual([1, 2]);
  });

  test("without GitHub nothing is launched, and people are told", () => {
    const deaf = world({
      demand: { a: demand(2) },
      views: { "demand:a": { is: "stale", atMs: now - 9, why: "503" } },
    });
    expect(launchCount(deaf)).toBe(0);
    expect(plan(deaf, now, limits).refusals.a).toMatchObject([{ reason: "view-not-fresh", jobs: 2 }]);
  });

  test("jobs beyond max wait with that reason, and only capacity for max is announced", () => {
    const crowd = world({ config: config({ a: { max: 2 } }), demand: { a: demand(5) } });
    const { refusals, capacity } = plan(crowd, now, limits);
    expect([launchCount(crowd), refusals.a, capacity.a]).toMatchObject([2, [{ reason: "max", jobs: 3 }], 2]);
  });

  test("a budget for two of five launches two and says why", () => {
    const offers = { a: [offer({ priceMicros: 100_000 })] };
    const poor = world({ config: config({ a: { max: 9 } }, 250_000), offers, demand: { a: demand(5) } });
    const { refusals, capacity } = plan(poor, now, limits);
    expect([launchCount(poor), refusals.a, capacity.a]).toMatchObject([
      2,
      [{ reason: "budget", jobs: 3 }],
      2,
    ]);
  });

  test("while draining, capacity is what is busy", () => {
    const machines = [registered("m1", "busy"), registered("m2", "listening")];
    expect(
      plan(world({ machines, draining: true, demand: { a: demand(2, 1) } }), now, limits).capacity.a,
    ).toBe(1);
  });

  test("two pools that share a half-open offer send one probe between them", () => {
    const circuits = {
      "offer:local": { is: "open", untilMs: now, reason: "no-capacity", detail: "full", trips: 1 } as const,
    };
    const both = world({
      config: config({ a: {}, b: {} }),
      circuits,
      demand: { a: demand(2), b: demand(2) },
    });
    expect(launchCount(both)).toBe(1);
  });
});

test("after a lost journal nothing is launched while a backend has never been listed, and not for ever", () => {
  const offers = { a: [offer(), offer({ key: "far", backend: "far" })] };
  const views = { "backend:far": { is: "never", why: "503" } } as const;
  const lost = world({ offers, views, demand: { a: demand(1) } });
  const at = (agoMs: number) => ({ ...lost, completeSinceMs: now - agoMs });
  expect(launchCount(at(limits.unlistedMsMax - 1))).toBe(0);
  expect(plan(at(1_000), now, limits).refusals.a).toMatchObject([{ reason: "journal-incomplete", jobs: 1 }]);
  expect(launchCount(at(limits.unlistedMsMax))).toBe(1);
});

test("a launch in doubt is repeated while a machine of it was never seen, and not once all came and went", () => {
  const request = { pool: "a", offer: "local", machines: ["m1"] };
  const sent = { askedMs: now - 60_000, sentMs: now - 60_000, sends: 1, is: "unknown" as const };
  const launches = { l0: { id: "l0", backend: "local", request, worstMicros: 0, ...sent } };
  const repeats = (machines: Parameters<typeof world>[0] & object) =>
    plan(world({ ...machines, launches }), now, limits).actions.filter(
      (action) => action.do === "repeat-launch",
    ).length;
  expect(repeats({ machines: [machine("m1", "asked", { startedMs: null })] })).toBe(1);
  expect(repeats({ machines: [] })).toBe(0);
  // One that an older copy of the journal remembers may be long over: a repeat would spend money on a machine without a use.
  expect(repeats({ machines: [machine("m1", "asked", { startedMs: null, spent: true })] })).toBe(0);
});
