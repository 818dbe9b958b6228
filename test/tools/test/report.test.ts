import { describe, expect, it } from "vitest";
import { summary, total, vitestCounts, type TierResult } from "../../../tools/test/report.ts";
import { tiers } from "../../../tools/test/tiers.ts";

const vitestReport = (counts: Record<string, number>, testResults: unknown[] = []) =>
  JSON.stringify({
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults,
    ...counts,
  });

const result = (given: Partial<TierResult>): TierResult => ({
  tier: "unit",
  counts: { passed: 1, failed: 0, skipped: 0 },
  ms: 1_000,
  missing: null,
  note: "",
  ...given,
});
const missing = { why: "no engine.", cure: "npm test -- engine" };
const absent = result({ tier: "engine", counts: { passed: 0, failed: 0, skipped: 0 }, missing });

describe("counts of a vitest run", () => {
  it("are those of its JSON report", () => {
    const json = vitestReport({ numPassedTests: 7, numFailedTests: 2 });
    expect(vitestCounts(json, 1, false).counts).toEqual({ passed: 7, failed: 2, skipped: 0 });
  });

  it("are a failure when no test ran", () => {
    expect(vitestCounts(vitestReport({}), 0, false)).toEqual({
      counts: { passed: 0, failed: 1, skipped: 0 },
      note: "ran no test",
    });
  });

  it("are a failure when all passed and the run itself did not", () => {
    const { counts, note } = vitestCounts(vitestReport({ numPassedTests: 3 }), 1, false);
    expect(counts.failed).toBe(1);
    expect(note).toBe("exit code 1");
  });

  it("are a failure when there is no report, and say why", () => {
    expect(vitestCounts(null, null, false)).toMatchObject({
      counts: { failed: 1 },
      note: "ended by a signal",
    });
    expect(vitestCounts(null, 1, false)).toMatchObject({ counts: { failed: 1 }, note: "wrote no report" });
    expect(vitestCounts("{}", 0, false).counts.failed).toBe(1);
  });

  it("count a file that did not load as a failure", () => {
    const broken = { name: "test/a.test.ts", status: "failed", assertionResults: [] };
    const { counts, note } = vitestCounts(vitestReport({ numPassedTests: 3 }, [broken]), 1, false);
    expect(counts).toEqual({ passed: 3, failed: 1, skipped: 0 });
    expect(note).toBe("1 file(s) did not load");
  });

  it("let skipped tests pass on a person's machine and fail with CI=true", () => {
    const json = vitestReport({ numPassedTests: 3, numPendingTests: 1, numTodoTests: 1 });
    expect(vitestCounts(json, 0, false).counts).toEqual({ passed: 3, failed: 0, skipped: 2 });
    expect(vitestCounts(json, 0, true).counts).toEqual({ passed: 3, failed: 2, skipped: 2 });
  });
});

describe("the end of npm test", () => {
  it("sums all tiers in its very last line", () => {
    const results = [result({ tier: "types" }), result({ counts: { passed: 40, failed: 2, skipped: 0 } })];
    expect(summary(results, tiers, false).at(-1)).toBe("41 passed, 2 failed");
  });

  it("names a missing tier with the command that supplies it", () => {
    const text = summary([result({}), absent], tiers, false).join("\n");
    expect(text).toContain("engine did not run: no engine.\n  supply it with: npm test -- engine");
    expect(text).toMatch(/\n1 passed, 0 failed$/);
  });

  it("counts a missing tier as failed with CI=true only", () => {
    expect(total([absent], false).failed).toBe(0);
    expect(total([absent], true).failed).toBe(1);
  });

  it("has a line for each tier, with its result, its counts and its time", () => {
    const lines = summary(
      [result({ note: "over its limit", counts: { passed: 4, failed: 1, skipped: 0 }, ms: 65_000 })],
      tiers,
      false,
    );
    expect(lines[2]).toMatch(/^unit +FAILED \(over its limit\) +4 +1 +1 min 05 s +functions/);
  });
});
