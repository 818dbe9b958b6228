/** From what the tiers said to the last lines of `npm test`. Pure. */
import * as z from "zod";
import { duration, table } from "../../agent/cli/table.ts";
import type { Tier, TierName } from "./tiers.ts";

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface Missing {
  /** What this machine lacks, in a sentence. */
  why: string;
  /** The one command that supplies it. */
  cure: string;
}

export interface TierResult {
  tier: TierName;
  counts: Counts;
  /** Wall time in milliseconds. */
  ms: number;
  /** Set when the tier could not run at all. */
  missing: Missing | null;
  /** A word on why it failed where its output does not say. */
  note: string;
}

const vitestJson = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(
    z.object({ name: z.string(), status: z.string(), assertionResults: z.array(z.unknown()) }),
  ),
});

/** Files that failed before any of their tests ran: the JSON report has no failed test for them. */
const brokenFiles = (results: z.infer<typeof vitestJson>["testResults"]) =>
  results.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;

/**
 * Counts of a vitest run.
 * @param json what its JSON reporter wrote; null when it wrote nothing
 * @param code its exit code; a run that ends badly (an unhandled error) is a failure although each test passed
 * @param strict skipped tests are failures: with CI=true nothing may be left out
 */
export const vitestCounts = (json: string | null, code: number | null, strict: boolean) => {
  const one = (note: string): { counts: Counts; note: string } => ({
    counts: { passed: 0, failed: 1, skipped: 0 },
    note,
  });
  if (json === null) return one(code === null ? "ended by a signal" : "wrote no report");
  const parsed = vitestJson.safeParse(JSON.parse(json));
  if (!parsed.success) return one("wrote a report that is not understood");
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = parsed.data;
  const skipped = numPendingTests + numTodoTests;
  const broken = brokenFiles(testResults);
  const counts = { passed: numPassedTests, failed: numFailedTests + broken, skipped };
  if (counts.passed + counts.failed === 0) return { counts: { ...counts, failed: 1 }, note: "ran no test" };
  if (strict && skipped > 0)
    return {
      counts: { ...counts, failed: counts.failed + skipped },
      note: `${skipped} skipped with CI=true`,
    };
  if (counts.failed === 0 && code !== 0)
    return { counts: { ...counts, failed: 1 }, note: `exit code ${code ?? "of a signal"}` };
  return { counts, note: broken > 0 ? `${broken} file(s) did not load` : "" };
};

const passedAll = (result: TierResult) => result.missing === null && result.counts.failed === 0;

const verdict = (result: TierResult): string => {
  if (result.missing !== null) return "missing";
  if (!passedAll(result)) return result.note === "" ? "FAILED" : `FAILED (${result.note})`;
  return result.counts.skipped > 0 ? `passed, ${result.counts.skipped} skipped` : "passed";
};

/** Sum over all tiers; with CI=true each missing tier is a failure. */
export const total = (
  results: readonly TierResult[],
  strict: boolean,
): { passed: number; failed: number } => {
  const sum = (of: (result: TierResult) => number) => results.reduce((all, result) => all + of(result), 0);
  const missing = strict ? results.filter((result) => result.missing !== null).length : 0;
  return { passed: sum((r) => r.counts.passed), failed: sum((r) => r.counts.failed) + missing };
};

/** The table, what is missing with its cure, and as the very last line `N passed, N failed`. */
export const summary = (results: readonly TierResult[], all: readonly Tier[], strict: boolean): string[] => {
  const what = (name: TierName) => all.find((tier) => tier.name === name)?.what ?? "";
  const rows = results.map((result) => [
    result.tier,
    verdict(result),
    String(result.counts.passed),
    String(result.counts.failed),
    duration(result.ms),
    what(result.tier),
  ]);
  const columns = [
    { title: "tier" },
    { title: "result" },
    { title: "passed", align: "right" as const },
    { title: "failed", align: "right" as const },
    { title: "time", align: "right" as const },
    { title: "what" },
  ];
  const missing = results.flatMap((result) =>
    result.missing === null
      ? []
      : [`${result.tier} did not run: ${result.missing.why}`, `  supply it with: ${result.missing.cure}`],
  );
  const { passed, failed } = total(results, strict);
  const gap = missing.length > 0 ? [""] : [];
  return ["", ...table(columns, rows), ...gap, ...missing, "", `${passed} passed, ${failed} failed`];
};
