import { describe, expect, test } from "vitest";
import { after, said, synced } from "../facts.ts";
import { machine, now, registered, world } from "../worlds.ts";

describe("a mint", () => {
  const enrolled = world({ machines: [machine("m1", "enrolled")] });
  const asked = after(enrolled, { is: "mint-asked", machine: "m1", name: "m1", life: 1 });
  const failure = {
    reason: "unavailable",
    scope: { on: "github", key: "a" },
    detail: "503",
    retryAfterMs: null,
  } as const;

  test("its answer orders the run", () => {
    expect(
      after(asked, { is: "minted", machine: "m1", life: 1, runnerId: 9, name: "m1" }).machines.m1?.order,
    ).toEqual({ id: 1, do: "run", life: 1, runnerName: "m1" });
  });
  test("a lost answer keeps the name until GitHub has no record of it", () => {
    const lost = after(asked, { is: "mint-failed", machine: "m1", life: 1, failure, sent: true });
    expect(lost.machines.m1).toMatchObject({ stage: "enrolled", registration: { name: "m1" } });
    expect(
      after(lost, { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" }).machines.m1
        ?.registration,
    ).toBeNull();
  });
  test("one that was never sent frees the machine at once", () => {
    expect(
      after(asked, {
        is: "mint-failed",
        machine: "m1",
        life: 1,
        failure: { ...failure, reason: "throttled" },
        sent: false,
      }).machines.m1,
    ).toMatchObject({ stage: "enrolled", registration: null, life: 1 });
  });
  test("an answer for a machine that is finished with orders nothing", () => {
    const ended = after(asked, { is: "end-asked", machine: "m1", why: "x", failedBoot: false });
    expect(
      after(ended, { is: "minted", machine: "m1", life: 1, runnerId: 9, name: "m1" }).machines.m1,
    ).toMatchObject({ stage: "done", order: { do: "end" }, registration: { id: 9 } });
  });
});

test("a removal that failed is asked for later, as GitHub wishes, and holds up no registration", () => {
  const failure = {
    reason: "throttled",
    scope: { on: "github", key: "a" },
    detail: "429",
    retryAfterMs: 7_000,
  } as const;
  const next = after(world({ machines: [registered("m1", "done")] }), {
    is: "remove-failed",
    machine: "m1",
    failure,
  });
  expect([next.machines.m1?.registration?.removeMs, next.circuits]).toEqual([now + 7_000, {}]);
});

describe("idle races (the DELETE between delivered and acquired)", () => {
  const retiring = () =>
    after(world({ machines: [registered("m1", "listening")] }), { is: "retire-asked", machine: "m1" });

  test("refused: the machine serves its job", () => {
    expect(
      after(retiring(), { is: "runner-removed", machine: "m1", name: "m1", outcome: "busy" }).machines.m1
        ?.stage,
    ).toBe("busy");
  });
  test("accepted and nothing starts: the machine drains, then is done", () => {
    const gone = after(retiring(), { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" });
    expect(gone.machines.m1).toMatchObject({ stage: "retiring", order: { do: "drain", graceSeconds: 10 } });
    expect(
      after(gone, synced("m1", { ...said("ready", { ranJob: false }), done: 1 })).machines.m1,
    ).toMatchObject({ stage: "done", ending: "it was idle" });
    expect(after(gone, synced("m1", { ...said("ready", { ranJob: false }), done: 1 })).circuits).toEqual({});
  });
  test("accepted although the job starts: it finishes", () => {
    const gone = after(retiring(), { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" });
    expect(after(gone, synced("m1", { ...said("busy"), job: "build" })).machines.m1?.stage).toBe("busy");
  });
  test("the drain's grace begins when the record is gone, however long GitHub took", () => {
    const gone = after(retiring(), { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" });
    expect(gone.machines.m1?.stageMs).toBe(now);
  });
});
