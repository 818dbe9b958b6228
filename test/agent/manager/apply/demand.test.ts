import { describe, expect, test } from "vitest";
import type { Fact } from "../../../../agent/manager/facts.ts";
import { after, news, seen } from "../facts.ts";
import { machine, now, registered, world } from "../worlds.ts";

describe("GitHub's messages", () => {
  test("JobStarted names the machine by its registration, and its agent may say so later", () => {
    const next = after(
      world({ machines: [registered("m1", "listening")] }),
      seen([news("started", { runner: "m1" })], 1, 1),
    );
    expect(next.machines.m1).toMatchObject({ stage: "busy", job: { jobId: "j1", startedAtGitHub: true } });
  });
  test("replayed and crossed messages leave a job's state where it was", () => {
    const done = after(
      world(),
      seen([news("assigned"), news("started", { runner: "m1" }), news("completed", { result: "succeeded" })]),
    );
    expect(after(done, seen([news("assigned"), news("started", { runner: "m1" })])).jobs.j1).toMatchObject({
      state: "completed",
      result: "succeeded",
    });
  });
  test("a job that GitHub took back and assigned again waits again", () => {
    const back = after(
      world(),
      seen([news("assigned")]),
      seen([news("completed", { result: "canceled" })]),
      seen([news("assigned")]),
    );
    expect(back.jobs.j1).toMatchObject({ state: "assigned", result: null });
  });
  test("JobAssigned beside figures of 0 is counted until the next figures", () => {
    const told = after(world(), seen([news("assigned")], 0));
    expect(told.demand.a?.uncounted).toBe(1);
    expect(after(told, seen([news("completed", { result: "canceled" })], 0)).demand.a?.uncounted).toBe(0);
  });
  test("another source names waiting jobs by other ids: those of the first are told of anew, running ones stay", () => {
    const told = (fact: ReturnType<typeof seen>, is: "scale-sets" | "queued-runs") => ({
      ...fact,
      source: { is, why: null },
    });
    const before = after(
      world(),
      told(seen([news("assigned", { id: "w" }), news("started", { id: "r" })], 2, 1), "scale-sets"),
    );
    const moved = after(before, told(seen([news("assigned", { id: "70" })], 2, 1), "queued-runs"));
    expect(Object.keys(moved.jobs).sort()).toEqual(["70", "r"]);
    expect(moved.demand.a?.source).toEqual({ is: "queued-runs", why: null });
  });
  test("a pool that is not in the settings is ignored", () => {
    const start = world();
    expect(after(start, { ...seen([news("assigned")]), pool: "z" } as Fact).demand).toEqual({});
  });
  test("JobStarted that comes after the record is gone still confirms the machine's job", () => {
    const job = {
      name: "build",
      startedMs: now,
      startedAtGitHub: false,
      completedMs: null,
      jobId: null,
      runner: "m1",
    };
    const waiting = world({ machines: [machine("m1", "enrolled", { job, life: 1 })] });
    const next = after(
      waiting,
      seen([news("started", { runner: "m1" }), news("completed", { runner: "m1", result: "succeeded" })], 0),
    );
    expect(next.machines.m1?.job).toMatchObject({ startedAtGitHub: true, completedMs: now });
  });
});
