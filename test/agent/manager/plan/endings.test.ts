import { describe, expect, test } from "vitest";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import type { Machine, World } from "../../../../agent/manager/world.ts";
import { after, entry, listed, news, seen } from "../facts.ts";
import { actionsOf } from "../planning.ts";
import { config, demand, machine, now, registered, report, world } from "../worlds.ts";

describe("endings and cleaning up", () => {
  test("a machine that never enrolled ends at its deadline and counts as a failed boot", () => {
    const late = machine("m1", "starting", { askedMs: now - limits.bootDeadlineMs });
    expect(actionsOf(world({ machines: [late] }), "end")).toMatchObject([
      { machine: "m1", failedBoot: true },
    ]);
  });

  test("a listed machine that nobody knows is adopted as spent, ended and destroyed; no recipe is blamed", () => {
    const torn = entry("m1", { pool: "", launch: "", offer: "", startedMs: 0 });
    const adopted = after(world({}), listed([torn]));
    expect(adopted.machines["m1"]).toMatchObject({ stage: "starting", spent: true, pool: "" });
    // One that runs a job gets the time to say so.
    expect(actionsOf(adopted, "end")).toEqual([]);
    const waited = {
      ...adopted,
      machines: { m1: { ...adopted.machines["m1"]!, stageMs: now - limits.syncPeriodMs } },
    };
    const [ending, ...others] = actionsOf(waited, "end");
    expect(ending).toMatchObject({ machine: "m1", failedBoot: false });
    expect(others).toEqual([]);
    const ended = after(waited, { is: "end-asked", machine: "m1", why: "", failedBoot: false });
    expect(actionsOf(ended, "destroy")).toMatchObject([{ machines: ["m1"] }]);
  });

  test("one whose process is gone is destroyed at once, and no recipe is blamed", () => {
    const torn = entry("m1", { pool: "", launch: "", offer: "", startedMs: 0, running: false });
    const adopted = after(world({}), listed([torn]));
    const waited = {
      ...adopted,
      machines: { m1: { ...adopted.machines["m1"]!, stageMs: now - limits.stoppedGraceMs } },
    };
    const lost = after(waited, listed([torn]));
    expect(actionsOf(lost, "destroy")).toMatchObject([{ machines: ["m1"] }]);
    expect(lost.boots).toEqual({});
  });

  test("a job longer than maxJobTime is ended", () => {
    const job = {
      name: "j",
      startedMs: now - 21_600_000,
      startedAtGitHub: true,
      completedMs: null,
      jobId: "1",
      runner: "m1",
    };
    expect(
      actionsOf(world({ machines: [registered("m1", "busy", { job })], demand: { a: demand(1, 1) } }), "end"),
    ).toHaveLength(1);
  });

  test("a machine that goes on after GitHub called its job completed ends after 60 s", () => {
    const job = {
      name: "j",
      startedMs: now - 90_000,
      startedAtGitHub: true,
      completedMs: now - 60_000,
      jobId: "1",
      runner: "m1",
    };
    expect(actionsOf(world({ machines: [registered("m1", "busy", { job })] }), "end")).toHaveLength(1);
  });

  test("a finished machine's record is removed, and again every 30 s while GitHub calls it busy", () => {
    const done = registered("m1", "done");
    expect(actionsOf(world({ machines: [done] }), "remove-runner")).toMatchObject([
      { runner: { id: 7, name: "m1" } },
    ]);
    const held = { ...done, registration: { ...done.registration!, heldBusy: true, removeMs: now - 29_999 } };
    expect(actionsOf(world({ machines: [held] }), "remove-runner")).toEqual([]);
    const later = { ...held, registration: { ...held.registration, removeMs: now - 30_000 } };
    expect(actionsOf(world({ machines: [later] }), "remove-runner")).toHaveLength(1);
  });

  test("a machine is destroyed once its agent said goodbye, or after a grace", () => {
    const done = machine("m1", "done", { stageMs: now - 1_000 });
    expect(actionsOf(world({ machines: [done] }), "destroy")).toEqual([]);
    expect(
      actionsOf(world({ machines: [done], reports: { m1: report({ phase: "ended" }) } }), "destroy"),
    ).toHaveLength(1);
    const waited = { ...done, stageMs: now - limits.endGraceMs };
    expect(actionsOf(world({ machines: [waited] }), "destroy")).toHaveLength(1);
  });

  test("a spent machine gets no registration and ends when it is not busy", () => {
    const spent = machine("m1", "enrolled", { spent: true, stageMs: now - limits.syncPeriodMs });
    const lost = world({ machines: [spent], demand: { a: demand(1) } });
    expect(actionsOf(lost, "mint")).toEqual([]);
    expect(actionsOf(lost, "end")).toMatchObject([{ machine: "m1" }]);
  });

  test("a spent machine may run a job for as long as its agent is not heard, or its runner listens", () => {
    const spent = registered("m1", "enrolled", { spent: true, stageMs: now - limits.deadManMs + 1 });
    const ended = (machines: Machine[], reports: World["reports"]) =>
      actionsOf(world({ machines, reports }), "end").length;
    expect(ended([spent], {})).toBe(0);
    for (const phase of ["starting", "listening"] as const)
      expect(ended([spent], { m1: report({ phase }) })).toBe(0);
    expect(ended([spent], { m1: report({ phase: "ready" }) })).toBe(1);
    expect(ended([{ ...spent, registration: null }], { m1: report({ phase: "listening" }) })).toBe(1);
    expect(ended([{ ...spent, stageMs: now - limits.deadManMs }], {})).toBe(1);
  });

  test("a machine that never gets its runner unpacked does not stand for one that could serve a job", () => {
    const stuck = machine("m1", "enrolled", { stageMs: now - limits.prepareDeadlineMs });
    const at = (phase: "preparing" | "ready") =>
      world({ machines: [stuck], reports: { m1: report({ phase }) }, demand: { a: demand(1) } });
    expect(actionsOf(at("preparing"), "end")).toMatchObject([{ machine: "m1", failedBoot: true }]);
    expect(actionsOf(at("ready"), "end")).toEqual([]);
  });

  test.each([
    [limits.deafMs, 1],
    [limits.deafMs - 1, 0],
  ])("a machine listens while a job has waited in vain for %i ms: %i ended", (waitedMs, count) => {
    const deaf = registered("m1", "listening", { stageMs: now - 2 * limits.deafMs });
    const idle = config({ a: { idleTimeoutSeconds: 86_400 } });
    const jobs = after(world(), seen([news("assigned", { assignedMs: now - waitedMs })])).jobs;
    expect(
      actionsOf(world({ config: idle, machines: [deaf], jobs, demand: { a: demand(1) } }), "end"),
    ).toHaveLength(count);
  });

  test("a manager that was away ends nobody before they can speak: every silence counts from its return", () => {
    const hours = 5 * 3_600_000;
    const old = {
      askedMs: now - hours,
      stageMs: now - hours,
      startedMs: now - hours,
      enrolledMs: now - hours,
    };
    const machines = [
      machine("warm", "enrolled", old),
      registered("listening", "listening", {
        ...old,
        registration: { ...registered("x", "listening").registration!, askedMs: now - hours },
      }),
      registered("registered", "registered", {
        ...old,
        registration: { ...registered("x", "listening").registration!, askedMs: now - hours },
      }),
      machine("booting", "starting", { ...old, enrolledMs: null }),
    ];
    const settings = config({ a: { minIdle: 4, idleTimeoutSeconds: 86_400 } });
    const back = (resumedMs: number) =>
      world({ config: settings, machines, reports: {}, resumedMs, demand: { a: demand(2) } });
    expect(actionsOf(back(now), "end")).toEqual([]);
    expect(actionsOf(back(now - hours), "end").length).toBe(4);
  });

  test("an idle listener of a pool that is gone from the settings deregisters", () => {
    const lost = registered("m1", "listening", { pool: "gone" });
    expect(actionsOf(world({ machines: [lost] }), "retire")).toMatchObject([{ machine: "m1" }]);
  });

  test("where github.url has changed, a record is looked for by its name: its number is somebody else's there", () => {
    const done = registered("m1", "done");
    const elsewhere = { ...done, registration: { ...done.registration!, place: "https://github.com/acme" } };
    expect(actionsOf(world({ machines: [elsewhere] }), "remove-runner")).toMatchObject([
      { runner: { id: null, name: "m1" } },
    ]);
  });
});

test("a launch in doubt is waited for, and given up where no list ever settles it", () => {
  const deadlineMs = limits.unknownSettleMs + limits.visibilityGraceMs + limits.bootDeadlineMs;
  const inDoubt = (sentMs: number) => {
    const request = { pool: "a", offer: "local", machines: ["m1"] };
    const sent = { askedMs: sentMs - 60_000, sentMs, sends: 3, is: "unknown" as const };
    return world({
      machines: [machine("m1", "asked", { askedMs: sentMs - 60_000, startedMs: null })],
      launches: { l0: { id: "l0", backend: "local", request, worstMicros: 0, ...sent } },
      views: { "backend:local": { is: "stale", atMs: now - 1e6, why: "503" } },
    });
  };
  expect(actionsOf(inDoubt(now - deadlineMs + 1), "end")).toEqual([]);
  expect(actionsOf(inDoubt(now - deadlineMs), "end")).toMatchObject([{ machine: "m1", failedBoot: true }]);
});

test("a busy machine of a pool that is gone from the settings ends after GitHub's own limit of a job", () => {
  const busy = (ms: number) => registered("m1", "busy", { pool: "gone", stageMs: now - ms });
  expect(actionsOf(world({ machines: [busy(limits.orphanJobMs - 1)] }), "end")).toEqual([]);
  expect(actionsOf(world({ machines: [busy(limits.orphanJobMs)] }), "end")).toMatchObject([
    { machine: "m1" },
  ]);
});

describe("a busy machine of which nobody may say that its job is over", () => {
  const job = { name: "j", startedAtGitHub: true, completedMs: null, jobId: "1", runner: "m1" };
  const long = now - limits.deadManMs;
  const busy = (pool = "a") =>
    registered("m1", "busy", { pool, stageMs: long, job: { ...job, startedMs: long } });
  const asked = (pool: string, atMs: number) =>
    actionsOf(
      world({ machines: [busy(pool)], reports: { m1: report({ atMs, phase: "busy" }) } }),
      "remove-runner",
    );

  test("is looked for at GitHub while its agent is silent for long, or its pool is gone from the settings", () => {
    expect(asked("a", long + 1)).toEqual([]);
    expect(asked("a", long)).toMatchObject([{ runner: { name: "m1" } }]);
    expect(asked("gone", now)).toMatchObject([{ runner: { name: "m1" } }]);
  });

  test("works on where GitHub refuses, and ends where its record is gone", () => {
    const silent = world({ machines: [busy()], reports: { m1: report({ atMs: long, phase: "busy" }) } });
    const told = (outcome: "busy" | "gone") =>
      after(silent, { is: "runner-removed", machine: "m1", name: "m1", outcome }).machines.m1!;
    expect(told("busy")).toMatchObject({ stage: "busy", job: { completedMs: null } });
    const over = told("gone");
    const later = { ...over, job: { ...over.job!, completedMs: now - limits.jobEndedGraceMs } };
    expect(actionsOf(world({ machines: [later] }), "end")).toHaveLength(1);
  });
});
