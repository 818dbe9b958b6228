import { describe, expect, it } from "vitest";
import { changeLine, gap, liveTable, waitsTable } from "../../../tools/start/tables.ts";
import { job } from "./fixtures.ts";

const lint = job({
  id: "lint",
  times: [0, 200, 250, 300, 900, 1_400, 2_000, 9_500],
  state: "completed",
  result: "succeeded",
  waitMs: 2_000,
});

describe("the time of a step", () => {
  it("is that since the step before it", () => {
    expect(gap(lint, "queued")).toBe("0.0 s");
    expect(gap(lint, "enrolled")).toBe("0.6 s");
  });

  it("skips a step that did not happen", () => {
    expect(gap(job({ id: "a", times: [0, 100, null, null, 700] }), "enrolled")).toBe("0.6 s");
    expect(gap(job({ id: "a", times: [0, 100] }), "enrolled")).toBe("-");
  });

  it("says so when a machine was there before the job", () => {
    const reused = job({ id: "a", times: [10_000, 10_100, 500, 600, 900, 10_900, 11_000] });
    expect(gap(reused, "started")).toBe("before");
    expect(gap(reused, "registered")).toBe("0.8 s");
  });
});

describe("a change", () => {
  it("is one line with the job, its pool and the new steps", () => {
    expect(changeLine({ job: lint, steps: ["assigned", "launch asked"] }, 3_210)).toBe(
      "     3.2 s  lint on local: assigned, launch asked",
    );
  });

  it("names the result of a job that is done", () => {
    expect(changeLine({ job: lint, steps: ["done"] }, 61_000)).toBe(
      "1 min 01 s  lint on local: done (succeeded)",
    );
  });
});

describe("the live table", () => {
  const waiting = job({
    id: "types",
    times: [0, 200],
    state: "assigned",
    waitMs: 4_000,
    waitsFor: "max: the pool has its 2 machines",
  });

  it("shows how far each job is and why it waits", () => {
    const [titles, first, second] = liveTable([lint, waiting], 10_000, 24, 120);
    expect(titles).toMatch(/^job +pool +way +wait +ran +now$/);
    expect(first).toMatch(/^lint +local +●●●●●●●● +2\.0 s +7\.5 s +succeeded$/);
    expect(second).toMatch(/^types +local +●●······ +4\.0 s +- +assigned: max: the pool has its 2 machines$/);
  });

  it("fits the terminal, and lets finished jobs go first", () => {
    const lines = liveTable([lint, { ...lint, id: "x", name: "x" }, waiting], 10_000, 4, 30);
    expect(lines).toHaveLength(4);
    expect(lines.every((line) => [...line].length <= 30)).toBe(true);
    expect(lines[2]).toMatch(/^types/);
    expect(lines[3]).toBe("... and 1 more");
  });
});

describe("the table of waits", () => {
  it("splits each job's wait into its steps", () => {
    const [titles, row] = waitsTable([lint]);
    expect(titles?.split(/ {2,}/)).toEqual([
      "job",
      "pool",
      "result",
      "wait",
      "assigned",
      "launch asked",
      "started",
      "enrolled",
      "registered",
      "running",
      "ran",
    ]);
    expect(row?.split(/ {2,}/)).toEqual([
      "lint",
      "local",
      "succeeded",
      "2.0 s",
      "0.2 s",
      "0.1 s",
      "0.1 s",
      "0.6 s",
      "0.5 s",
      "0.6 s",
      "7.5 s",
    ]);
  });
});
