import { describe, expect, it } from "vitest";
import { changes, jobsOf, managerState, waits } from "../../../tools/start/jobs.ts";
import { job, state } from "./fixtures.ts";

describe("the jobs of a run", () => {
  it("are those of that run, in the order in which they were queued", () => {
    const all = state([
      job({ id: "b", times: [2_000] }),
      job({ id: "c", times: [1_000] }),
      job({ id: "other", times: [0], workflowRun: 8 }),
    ]);
    expect(jobsOf(all, 7).map((found) => found.id)).toEqual(["c", "b"]);
    expect(jobsOf(all, null)).toHaveLength(3);
  });

  it("change by the steps that happened since the last look", () => {
    const before = [job({ id: "a", times: [0, 10] }), job({ id: "b", times: [0] })];
    const now = [
      job({ id: "a", times: [0, 10, 20, 30] }),
      job({ id: "b", times: [0] }),
      job({ id: "c", times: [5] }),
    ];
    expect(changes(before, now).map((change) => [change.job.id, change.steps])).toEqual([
      ["a", ["launch asked", "started"]],
      ["c", ["queued"]],
    ]);
  });

  it("do not change when nothing happened", () => {
    const now = [job({ id: "a", times: [0, 10] })];
    expect(changes(now, now)).toEqual([]);
  });
});

describe("waits", () => {
  it("are the median and the longest of the jobs that ran, in seconds", () => {
    const ran = (waitMs: number) => job({ id: String(waitMs), times: [0, 1, 2, 3, 4, 5, waitMs], waitMs });
    const waiting = job({ id: "waiting", times: [0], waitMs: 90_000 });
    expect(waits([ran(1_234), ran(400), ran(9_000), waiting])).toEqual({ p50Seconds: 1.23, maxSeconds: 9 });
    expect(waits([ran(400), ran(800)])).toEqual({ p50Seconds: 0.4, maxSeconds: 0.8 });
  });

  it("are unknown when no job ran", () => {
    expect(waits([job({ id: "a", times: [0], waitMs: 5_000 })])).toEqual({
      p50Seconds: null,
      maxSeconds: null,
    });
  });
});

describe("the manager's state", () => {
  it("is read with more fields than are shown, and refused without those", () => {
    const whole = { ...state([job({ id: "a", times: [0] })]), draining: false, configHash: "x" };
    expect(managerState.parse(whole).jobs).toHaveLength(1);
    expect(managerState.safeParse({ jobs: [] }).success).toBe(false);
  });
});
