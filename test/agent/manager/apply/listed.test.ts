import { describe, expect, test } from "vitest";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { after, entry, listed } from "../facts.ts";
import { machine, now, registered, report, world } from "../worlds.ts";

describe("a list", () => {
  test("one list that lacks a machine ends nothing; two, ten seconds apart, make it lost and gone", () => {
    const old = machine("m1", "enrolled", { startedMs: now - 100_000 });
    const once = after(world({ machines: [old] }), listed([]));
    expect(once.machines.m1?.stage).toBe("enrolled");
    const soon = after(once, listed([], now + 9_999));
    expect(soon.machines.m1?.stage).toBe("enrolled");
    // Gone from the backend, and GitHub never had a record: nothing is left to remember.
    expect(after(once, listed([], now + 10_000)).machines.m1).toBeUndefined();
  });

  test("two lists that lack it with only failed ones between, for longer than a list is fresh, are not two in a row", () => {
    const old = machine("m1", "busy", { startedMs: now - 100_000 });
    const once = after(world({ machines: [old] }), listed([]));
    const late = after(once, listed([], now + limits.listFreshMs + 1));
    expect(late.machines.m1).toMatchObject({ stage: "busy", missing: { lists: 1 } });
    expect(after(once, listed([], now + limits.listFreshMs)).machines.m1).toBeUndefined();
  });

  test("a young machine may be missing", () => {
    const young = machine("m1", "starting", { startedMs: now - 1_000 });
    expect(after(world({ machines: [young] }), listed([]), listed([], now + 20_000)).machines.m1?.stage).toBe(
      "starting",
    );
  });

  test("a machine whose launch is in doubt counts until the doubt is over", () => {
    const launch = {
      id: "l0",
      backend: "local",
      request: { pool: "a", offer: "local", machines: ["m1"] },
      worstMicros: 0,
      askedMs: now,
      sentMs: now,
      sends: 1,
      is: "unknown" as const,
    };
    const start = world({
      machines: [machine("m1", "asked", { startedMs: null })],
      launches: { l0: launch },
    });
    const early = now + limits.unknownSettleMs + limits.visibilityGraceMs - 1;
    expect(after(start, listed([], early - 20_000), listed([], early)).machines.m1?.stage).toBe("asked");
    expect(after(start, listed([], early + 1), listed([], early + 20_000)).machines.m1).toBeUndefined();
  });

  test("a failed list removes nothing and makes the view stale, with its age kept", () => {
    const start = world({ machines: [machine("m1", "enrolled")] });
    const failure = {
      reason: "unavailable",
      scope: { on: "backend", key: "local" },
      detail: "EIO",
      retryAfterMs: null,
    } as const;
    const next = after(start, { is: "list-failed", backend: "local", failure });
    expect(next.machines).toEqual(start.machines);
    expect(next.views["backend:local"]).toEqual({ is: "stale", atMs: now - 1_000, why: "EIO" });
  });

  test("an older list that comes late changes nothing", () => {
    const start = world({ machines: [machine("m1", "enrolled", { startedMs: now - 1e6 })] });
    expect(after(start, listed([], now - 2_000)).machines).toEqual(start.machines);
  });

  test("an unknown machine with our tags is adopted as spent, one of a known launch is not spent", () => {
    expect(after(world(), listed([entry("m9", { launch: "lx" })])).machines.m9).toMatchObject({
      stage: "starting",
      spent: true,
    });
  });

  test("a machine that stopped by itself is lost after its last words had time to come", () => {
    const start = world({
      machines: [machine("m1", "enrolled", { stageMs: now - 9_000 })],
      reports: { m1: report({ atMs: now - limits.stoppedGraceMs }) },
    });
    expect(after(start, listed([entry("m1", { running: false })])).machines.m1?.stage).toBe("lost");
    const heard = { ...start, reports: { m1: report({ atMs: now - limits.stoppedGraceMs + 1 }) } };
    expect(after(heard, listed([entry("m1", { running: false })])).machines.m1?.stage).toBe("enrolled");
  });

  test("a finished machine is forgotten only when it is gone and its record is", () => {
    const done = registered("m1", "done", { destroyAskedMs: now - 500, stageMs: now - 5_000 });
    const gone = after(world({ machines: [done] }), listed([]));
    expect(gone.machines.m1).toMatchObject({ gone: true });
    expect(
      after(gone, { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" }).machines.m1,
    ).toBeUndefined();
  });

  test("where lists may lack what exists, a finished machine costs money until two of them lacked it", () => {
    const done = registered("m1", "done", { destroyAskedMs: now - 500, stageMs: now - 5_000 });
    const short = (startedMs: number) => ({ ...listed([], startedMs), consistent: false }) as const;
    const once = after(world({ machines: [done] }), short(now));
    expect(once.machines.m1).toMatchObject({ gone: false });
    expect(after(once, short(now + limits.lostAfterMs - 1)).machines.m1).toMatchObject({ gone: false });
    expect(after(once, short(now + limits.lostAfterMs)).machines.m1).toMatchObject({ gone: true });
    const shown = after(once, listed([entry("m1")], now + 5_000), short(now + limits.lostAfterMs));
    expect(shown.machines.m1).toMatchObject({ gone: false });
  });

  test("a machine whose job GitHub has not confirmed is remembered, so that no second one is started for it", () => {
    const job = (startedMs: number) => ({
      name: "build",
      startedMs,
      startedAtGitHub: false,
      completedMs: null,
      jobId: null,
      runner: "m1",
    });
    const done = (startedMs: number) =>
      machine("m1", "done", { job: job(startedMs), destroyAskedMs: now - 500, stageMs: now - 5_000 });
    expect(after(world({ machines: [done(now - 5_000)] }), listed([])).machines.m1).toMatchObject({
      gone: true,
    });
    expect(
      after(world({ machines: [done(now - limits.startConfirmMs)] }), listed([])).machines.m1,
    ).toBeUndefined();
  });

  test("a launch whose doubt is over is forgotten with its machines", () => {
    const sentMs = now - limits.unknownSettleMs - limits.visibilityGraceMs;
    const launch = {
      id: "l9",
      backend: "local",
      request: { pool: "a", offer: "local", machines: [] },
      worstMicros: 0,
      askedMs: sentMs,
      sentMs,
      sends: 3,
      is: "unknown" as const,
    };
    expect(after(world({ launches: { l9: launch } }), listed([])).launches).toEqual({});
  });
});
