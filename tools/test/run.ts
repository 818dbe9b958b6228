/**
 * Runs the chosen tiers. The checks run side by side while the engine is looked for (or built, minutes); what measures
 * time or starts processes runs alone and in order, so that two cores are enough for its bounded waits.
 */
import { duration } from "../../agent/cli/table.ts";
import type { ChildEnd } from "./child.ts";
import { total, vitestCounts, type Counts, type Missing, type TierResult } from "./report.ts";
import type { TestOptions } from "./options.ts";
import { startProblem } from "./start-tier.ts";
import type { Tier, ToolName } from "./tiers.ts";

export interface Copy {
  directory: string;
  /** Files that are new or changed and that git would show. */
  changes: () => Promise<readonly string[]>;
  remove: () => Promise<void>;
}

export interface TestDeps {
  /** One line for the terminal. */
  line: (text: string) => void;
  /** Runs node with these arguments; `cwd` null is the checkout. */
  node: (
    tier: Tier,
    args: readonly string[],
    cwd: string | null,
    line: (text: string) => void,
  ) => Promise<ChildEnd>;
  /** null when the tool is here (now); looks for the engine at most once. */
  lacks: (tool: ToolName) => Promise<Missing | null>;
  /** A path for vitest's JSON report, and its text afterwards (null when there is none). */
  report: (tier: Tier) => { path: string; read: () => Promise<string | null> };
  /** A copy of the checkout to run `npm start` in. */
  copy: () => Promise<Copy>;
  now: () => number;
}

const one = (passed: boolean): Counts => ({ passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 });
const why = (end: ChildEnd) => (end.ended === "" ? "" : end.ended);

/** Keeps what a check prints until it has ended, so that two of them do not mix. */
const runCheck = async (tier: Tier, deps: TestDeps): Promise<TierResult> => {
  const lines: string[] = [];
  const end = await deps.node(tier, tier.command, null, (text) => lines.push(text));
  const passed = end.code === 0;
  deps.line(`${tier.name}: ${passed ? "passed" : "FAILED"} (${tier.what}, ${duration(end.ms)})`);
  if (!passed) for (const text of lines) deps.line(`  ${text}`);
  return { tier: tier.name, counts: one(passed), ms: end.ms, missing: null, note: why(end) };
};

const runVitest = async (
  tier: Tier,
  filters: readonly string[],
  strict: boolean,
  deps: TestDeps,
): Promise<TierResult> => {
  const report = deps.report(tier);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report.path}`];
  const end = await deps.node(tier, [...tier.command, ...reporters, ...filters], null, deps.line);
  const { counts, note } = vitestCounts(await report.read(), end.code, strict);
  return { tier: tier.name, counts, ms: end.ms, missing: null, note: why(end) || note };
};

const runStart = async (tier: Tier, deps: TestDeps): Promise<TierResult> => {
  const copy = await deps.copy();
  try {
    const end = await deps.node(tier, tier.command, copy.directory, deps.line);
    const changes = await copy.changes();
    const note = why(end) || startProblem(end.code, end.lastLine, changes);
    return { tier: tier.name, counts: one(note === ""), ms: end.ms, missing: null, note };
  } finally {
    await copy.remove();
  }
};

const firstMissing = async (tier: Tier, deps: TestDeps): Promise<Missing | null> => {
  for (const tool of tier.needs) {
    const missing = await deps.lacks(tool);
    if (missing !== null) return missing;
  }
  return null;
};

const runTier = async (
  tier: Tier,
  options: TestOptions,
  strict: boolean,
  deps: TestDeps,
): Promise<TierResult> => {
  const nothing = { passed: 0, failed: 0, skipped: 0 };
  const missing = await firstMissing(tier, deps);
  if (missing !== null) return { tier: tier.name, counts: nothing, ms: 0, missing, note: "" };
  if (tier.kind === "check") return runCheck(tier, deps);
  deps.line(`\n${tier.name}: ${tier.what}`);
  if (tier.kind === "start") return runStart(tier, deps);
  return runVitest(tier, options.filters, strict, deps);
};

/** A tier whose machinery broke (a full disk, a folder that cannot be made) is a failed tier, not the end of the run. */
const guarded = async (tier: Tier, options: TestOptions, strict: boolean, deps: TestDeps) => {
  const startedMs = deps.now();
  try {
    return await runTier(tier, options, strict, deps);
  } catch (error) {
    const note = (error as Error).message;
    return { tier: tier.name, counts: one(false), ms: deps.now() - startedMs, missing: null, note };
  }
};

/**
 * Runs the tiers of `options` and returns their results in order.
 * @param strict CI=true: what is skipped or missing fails
 */
export const runTiers = async (
  all: readonly Tier[],
  options: TestOptions,
  strict: boolean,
  deps: TestDeps,
): Promise<readonly TierResult[]> => {
  const chosen = all.filter((tier) => options.tiers.includes(tier.name));
  const checks = chosen.filter((tier) => tier.kind === "check");
  const rest = chosen.filter((tier) => tier.kind !== "check");
  const engine = rest.some((tier) => tier.needs.includes("engine")) ? deps.lacks("engine") : null;
  const results = await Promise.all(checks.map((tier) => guarded(tier, options, strict, deps)));
  await engine;
  for (const tier of rest) results.push(await guarded(tier, options, strict, deps));
  return results;
};

/** 0 when everything passed; with CI=true only when nothing was missing either. */
export const exitCode = (results: readonly TierResult[], strict: boolean): 0 | 1 =>
  total(results, strict).failed === 0 ? 0 : 1;
