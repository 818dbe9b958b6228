import { describe, expect, it } from "vitest";
import type { Outcome } from "../../../tools/start/outcome.ts";
import { startProblem } from "../../../tools/test/start-tier.ts";

const good: Outcome = {
  jobs: { total: 7, succeeded: 7, failed: 0 },
  wait: { p50Seconds: 1.2, maxSeconds: 3.4 },
  leftovers: { processes: 0, directories: 0, runners: 0, scaleSets: 0 },
  engine: { version: "3.259.0", source: "cache" },
  seconds: 41.5,
};
const problem = (change: Partial<Outcome>, code: number | null = 0, changes: string[] = []) =>
  startProblem(code, JSON.stringify({ ...good, ...change }), changes);

describe("the start tier", () => {
  it("passes a run whose jobs all succeeded and that left nothing", () => {
    expect(problem({})).toBe("");
  });

  it("fails on a job that failed, and on one that never ended", () => {
    expect(problem({ jobs: { total: 7, succeeded: 6, failed: 1 } })).toBe("1 of 7 jobs did not succeed");
    expect(problem({ jobs: { total: 7, succeeded: 6, failed: 0 } })).toBe("1 of 7 jobs did not succeed");
  });

  it("fails on a run that had nothing to do", () => {
    expect(problem({ jobs: { total: 0, succeeded: 0, failed: 0 } })).toContain("only 0 jobs ran");
  });

  it("fails on anything left over, by name", () => {
    const leftovers = { processes: 2, directories: 0, runners: 1, scaleSets: 0 };
    expect(problem({ leftovers })).toBe("2 processes left; 1 runners left");
  });

  it("fails when the checkout changed, naming the files", () => {
    expect(problem({}, 0, ["Pulumi.dev.yaml"])).toBe("the checkout changed: Pulumi.dev.yaml");
  });

  it("fails on an exit code that its last line does not explain", () => {
    expect(problem({}, 1)).toBe("exit code 1");
  });

  it("fails when the last line is something else", () => {
    expect(startProblem(1, "npm start failed", [])).toBe("exit code 1, and the last line is no --json line");
    expect(startProblem(null, '{"jobs":{}}', [])).toContain("the last line is no --json line");
  });
});
