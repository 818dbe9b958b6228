import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Loss, SeenJob, SeenRun } from "../../../../agent/manager/losses.ts";
import { isOpenLoss } from "../../../../agent/manager/losses.ts";
import { decideRerun } from "../../../../agent/manager/plan/rerun-decision.ts";
import { loss, now } from "../worlds.ts";

const job = (id: number, runner: string, over: Partial<SeenJob> = {}): SeenJob => ({
  id,
  name: `job ${id}`,
  attempt: 1,
  runner,
  conclusion: "failure",
  startedMs: now - 60_000,
  completedMs: now - 30_000,
  ...over,
});
const ended = (jobs: readonly SeenJob[], over: Partial<SeenRun> = {}): SeenRun => ({
  attempt: 1,
  completed: true,
  conclusion: "failure",
  jobs,
  whole: true,
  deployed: new Set(),
  ...over,
});
const decide = (run: SeenRun | null, losses: readonly Loss[], rememberedMs = now - 1e9) =>
  decideRerun({ run, losses, rememberedMs });
/** Reason and sentence of the only open loss. */
const said = (run: SeenRun | null, losses: readonly Loss[], rememberedMs?: number) => {
  const { verdicts, call } = decide(run, losses, rememberedMs);
  expect(verdicts).toHaveLength(1);
  if (verdicts[0]!.reason !== "rerun-waits") expect(call).toBeNull();
  return `${verdicts[0]!.reason}: ${verdicts[0]!.detail}`;
};
const mine = loss("m1");

describe("the call", () => {
  test("is one for all that failed, where all of it is ours", () => {
    const jobs = [job(1, "m1"), job(2, "m2"), job(3, "x", { conclusion: "success" })];
    expect(decide(ended(jobs), [mine, loss("m2")]).call).toEqual({ do: "failed", losses: ["m1", "m2"] });
  });

  test("is for one job, the first lost, where something else failed", () => {
    const jobs = [job(1, "m1"), job(2, "m2"), job(3, "x")];
    const second = loss("m2", { lostMs: now - 101_000 });
    expect(decide(ended(jobs), [mine, second]).call).toEqual({ do: "job", job: 2, losses: ["m2"] });
  });

  test("takes along what was canceled beside the lost job, unless that deployed", () => {
    const jobs = [job(1, "m1"), job(2, "x", { conclusion: "cancelled", startedMs: now - 90_000 })];
    expect(decide(ended(jobs), [mine]).call?.do).toBe("failed");
    expect(decide(ended(jobs, { deployed: new Set([2]) }), [mine]).call?.do).toBe("job");
  });

  test("names one job where GitHub did not list them all", () => {
    expect(decide(ended([job(1, "m1")], { whole: false }), [mine]).call?.do).toBe("job");
  });

  test("names the job as the latest attempt does", () => {
    const jobs = [job(1, "m1"), job(9, "m1", { name: "job 1", attempt: 2 }), job(10, "x", { attempt: 2 })];
    expect(decide(ended(jobs, { attempt: 2 }), [mine]).call).toEqual({ do: "job", job: 9, losses: ["m1"] });
  });

  test("is none while the run is in progress", () => {
    expect(said(ended([], { completed: false, conclusion: null }), [mine])).toMatch(/^rerun-waits/);
    expect(decide(ended([], { completed: false }), [mine]).call).toBeNull();
  });
});

describe("nothing is run again", () => {
  test("of a run that is gone", () => expect(said(null, [mine])).toMatch(/^rerun-left: its run was deleted/));

  test("that GitHub calls a success", () =>
    expect(said(ended([job(1, "m1", { conclusion: "success" })]), [mine])).toMatch(/^rerun-left/));

  test("that has an environment, by any of its ids", () => {
    const jobs = [job(1, "m1"), job(9, "m1", { name: "job 1", attempt: 2 })];
    expect(said(ended(jobs, { attempt: 2, deployed: new Set([1]) }), [mine])).toMatch(/environment/);
  });

  test("before a job that deployed after it", () => {
    const late = job(2, "x", { conclusion: "success", startedMs: now - 10_000 });
    expect(said(ended([job(1, "m1"), late], { deployed: new Set([2]) }), [mine])).toMatch(/a job after it/);
    const early = { ...late, startedMs: now - 50_000 };
    expect(said(ended([job(1, "m1"), early], { deployed: new Set([2]) }), [mine])).toMatch(/^rerun-waits/);
  });

  test("while nobody can say what deploys: that is a refusal with its cure", () =>
    expect(said(ended([job(1, "m1")], { deployed: "no right" }), [mine])).toBe("rerun-refused: no right"));

  test("that somebody cancelled with the rest of its run", () => {
    const jobs = [job(1, "m1", { conclusion: "cancelled" }), job(2, "x", { conclusion: "cancelled" })];
    expect(said(ended(jobs, { conclusion: "cancelled" }), [mine])).toMatch(/cancelled its run/);
    expect(said(ended([jobs[0]!], { conclusion: "cancelled" }), [mine])).toMatch(/^rerun-waits/);
  });

  test("that somebody ran again meanwhile", () => {
    const jobs = [job(1, "m1"), job(9, "x", { name: "job 1", attempt: 2, conclusion: "success" })];
    expect(said(ended(jobs, { attempt: 2 }), [mine])).toBe("rerun-left: somebody ran it again already");
  });

  test("that was lost again in its re-run", () => {
    const before = loss("m0", { name: "job 1", reason: "rerun-made", askedMs: now - 20_000, sends: 1 });
    const jobs = [job(1, "m0"), job(9, "m1", { name: "job 1", attempt: 2 })];
    const again = loss("m1", { lostMs: now });
    expect(said(ended(jobs, { attempt: 2 }), [before, again])).toMatch(/lost again/);
  });

  test("that may have been run again before the journal was lost", () => {
    const jobs = [job(1, "m0"), job(9, "m1", { name: "job 1", attempt: 2 })];
    expect(said(ended(jobs, { attempt: 2 }), [mine], now)).toMatch(/before the journal was lost/);
    expect(said(ended(jobs, { attempt: 2 }), [mine])).toMatch(/^rerun-waits/);
  });

  test("of a runner whose job GitHub does not know", () =>
    expect(said(ended([job(1, "x")]), [mine])).toMatch(/^rerun-left: GitHub names no job/));
});

test("a call whose answer was lost is told from one that never arrived", () => {
  const asked = loss("m1", { askedMs: now - 200_000, sends: 1 });
  const jobs = [job(1, "m1"), job(9, "x", { name: "job 1", attempt: 2, conclusion: "success" })];
  expect(said(ended(jobs, { attempt: 2 }), [asked])).toBe("rerun-made: it was run again");
  expect(decide(ended([job(1, "m1")]), [asked]).call).toEqual({ do: "failed", losses: ["m1"] });
});

const anyJob = fc.record({
  id: fc.integer({ min: 1, max: 40 }),
  name: fc.constantFrom("build", "test", "lint"),
  attempt: fc.integer({ min: 1, max: 3 }),
  runner: fc.constantFrom(null, "m1", "m2", "m3", "x", "y"),
  conclusion: fc.constantFrom("success", "failure", "cancelled", "skipped", "timed_out", null),
  startedMs: fc.constantFrom(null, now - 60_000, now - 10_000),
  completedMs: fc.constantFrom(null, now - 30_000, now),
});
const anyRun: fc.Arbitrary<SeenRun> = fc.record({
  attempt: fc.integer({ min: 1, max: 3 }),
  completed: fc.boolean(),
  conclusion: fc.constantFrom("success", "failure", "cancelled"),
  jobs: fc.uniqueArray(anyJob, { selector: ({ id }) => id, maxLength: 8 }),
  whole: fc.boolean(),
  deployed: fc.oneof(
    fc.constant("no right"),
    fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 5 }).map((ids) => new Set(ids)),
  ),
});
const anyLoss = (id: string) =>
  fc
    .record({
      name: fc.constantFrom("build", "test", "lint"),
      reason: fc.constantFrom("rerun-waits", "rerun-refused", "rerun-made", "rerun-left"),
      askedMs: fc.constantFrom(null, now - 100_000, now - 1_000),
      lostMs: fc.constantFrom(now - 200_000, now - 50_000, now),
    })
    .map((over) => loss(id, over));
const anything = fc.record({
  run: fc.option(anyRun, { nil: null }),
  losses: fc.tuple(anyLoss("m1"), anyLoss("m2"), anyLoss("m3")),
  rememberedMs: fc.constantFrom(now - 1e9, now - 1_000),
});

test("whatever GitHub tells: one verdict for each open loss, and only what fits is called for", () => {
  fc.assert(
    fc.property(anything, ({ run, losses, rememberedMs }) => {
      const { verdicts, call } = decideRerun({ run, losses, rememberedMs });
      const open = losses.filter(isOpenLoss).map(({ id }) => id);
      expect(verdicts.map(({ id }) => id).sort()).toEqual([...open].sort());
      expect(decideRerun({ run, losses: losses.toReversed(), rememberedMs })).toEqual({ verdicts, call });
      if (call === null) return;
      expect(run?.completed).toBe(true);
      const deployed = run!.deployed as ReadonlySet<number>;
      expect(typeof deployed).toBe("object");
      for (const id of call.losses) {
        expect(verdicts.find((one) => one.id === id)?.reason).toBe("rerun-waits");
        const its = run!.jobs.filter(({ runner }) => runner === id);
        expect(its.some((each) => each.conclusion !== "success" && each.conclusion !== "skipped")).toBe(true);
        expect(its.some((each) => deployed.has(each.id))).toBe(false);
      }
      if (call.do === "job") {
        expect(run!.jobs.some((one) => one.id === call.job)).toBe(true);
        return;
      }
      // Everything that this would run again is ours, or fell with it.
      for (const each of run!.jobs) {
        if (each.attempt !== run!.attempt || each.conclusion === "success" || each.conclusion === "skipped")
          continue;
        expect(call.losses.includes(each.runner ?? "") || each.conclusion === "cancelled").toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});
