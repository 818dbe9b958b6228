import { describe, expect, it } from "vitest";
import { exitCode, runTiers, type TestDeps } from "../../../tools/test/run.ts";
import { tierNames, tiers, type Tier, type TierName } from "../../../tools/test/tiers.ts";
import type { Outcome } from "../../../tools/start/outcome.ts";

const everything = { tiers: tierNames, filters: [], install: false };
const started: Outcome = {
  jobs: { total: 6, succeeded: 6, failed: 0 },
  wait: { p50Seconds: 1, maxSeconds: 2 },
  leftovers: { processes: 0, directories: 0, runners: 0, scaleSets: 0 },
  engine: { version: "3.259.0", source: "PATH" },
  seconds: 30,
};
const fiveTests = JSON.stringify({
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [],
});

const rig = (change: Partial<TestDeps> = {}) => {
  const commands: { tier: TierName; args: readonly string[]; cwd: string | null }[] = [];
  const lines: string[] = [];
  let removed = 0;
  const deps: TestDeps = {
    line: (text) => lines.push(text),
    node: (tier: Tier, args, cwd) => {
      commands.push({ tier: tier.name, args, cwd });
      return Promise.resolve({ code: 0, lastLine: JSON.stringify(started), ms: 10, ended: "" });
    },
    lacks: () => Promise.resolve(null),
    report: (tier) => ({ path: `/report/${tier.name}.json`, read: () => Promise.resolve(fiveTests) }),
    copy: () =>
      Promise.resolve({
        directory: "/copy",
        changes: () => Promise.resolve([]),
        remove: () => Promise.resolve(void removed++),
      }),
    now: () => 0,
    ...change,
  };
  return { deps, commands, lines, removed: () => removed };
};

describe("a run of the tiers", () => {
  it("runs all of them and reports in the order of the table", async () => {
    const { deps } = rig();
    const results = await runTiers(tiers, everything, true, deps);
    expect(results.map((result) => result.tier)).toEqual(tierNames);
    expect(results.map((result) => result.counts.passed)).toEqual([1, 1, 1, 1, 5, 5, 5, 1]);
    expect(exitCode(results, true)).toBe(0);
  });

  it("starts no test before the engine is there: a compiler beside them would eat their time", async () => {
    let release = () => {};
    const engine = new Promise<null>((resolve) => (release = () => resolve(null)));
    const { deps, commands } = rig({ lacks: (tool) => (tool === "engine" ? engine : Promise.resolve(null)) });
    const running = runTiers(tiers, everything, false, deps);
    await expect
      .poll(() => commands.map((command) => command.tier))
      .toEqual(["types", "lint", "format", "workflows"]);
    release();
    await running;
    expect(commands).toHaveLength(tierNames.length);
  });

  it("asks for no engine when no chosen tier needs it", async () => {
    const asked: string[] = [];
    const { deps } = rig({ lacks: (tool) => (asked.push(tool), Promise.resolve(null)) });
    await runTiers(tiers, { ...everything, tiers: ["types", "unit"] }, false, deps);
    expect(asked).not.toContain("engine");
  });

  it("leaves out a tier whose tool is missing, and fails for it with CI=true only", async () => {
    const missing = { why: "no engine.", cure: "install Go" };
    const { deps, commands } = rig({ lacks: (tool) => Promise.resolve(tool === "engine" ? missing : null) });
    const results = await runTiers(tiers, everything, false, deps);
    expect(results.filter((result) => result.missing !== null).map((result) => result.tier)).toEqual([
      "engine",
      "start",
    ]);
    expect(commands.map((command) => command.tier)).not.toContain("engine");
    expect(exitCode(results, false)).toBe(0);
    expect(exitCode(results, true)).toBe(1);
  });

  it("goes on after a failed check and shows what the check said", async () => {
    const { deps, lines } = rig({
      node: (tier, _args, _cwd, line) => {
        if (tier.name === "lint") line("a.ts: unused");
        const code = tier.name === "lint" ? 1 : 0;
        return Promise.resolve({ code, lastLine: JSON.stringify(started), ms: 1, ended: "" });
      },
    });
    const results = await runTiers(tiers, everything, false, deps);
    expect(results.find((result) => result.tier === "lint")?.counts.failed).toBe(1);
    expect(lines).toContain("  a.ts: unused");
    expect(results).toHaveLength(tierNames.length);
  });

  it("hands file filters and a report's path to vitest, and none to the other tiers", async () => {
    const { deps, commands } = rig();
    await runTiers(tiers, { tiers: ["types", "unit"], filters: ["test/infra"], install: false }, false, deps);
    expect(commands[0]?.args).not.toContain("test/infra");
    expect(commands[1]?.args.at(-1)).toBe("test/infra");
    expect(commands[1]?.args).toContain("--outputFile.json=/report/unit.json");
  });

  it("runs npm start in a copy, and removes the copy also when the run broke", async () => {
    const { deps, commands, removed } = rig();
    await runTiers(tiers, { ...everything, tiers: ["start"] }, false, deps);
    expect(commands[0]?.cwd).toBe("/copy");
    const broken = rig({ node: () => Promise.reject(new Error("no such program")) });
    const results = await runTiers(tiers, { ...everything, tiers: ["start"] }, false, broken.deps);
    expect(results[0]).toMatchObject({ counts: { failed: 1 }, note: "no such program" });
    expect([removed(), broken.removed()]).toEqual([1, 1]);
  });

  it("names what ended a tier", async () => {
    const end = { code: null, lastLine: "", ms: 1, ended: "over its limit of 10 min" };
    const { deps } = rig({ node: () => Promise.resolve(end) });
    const [result] = await runTiers(tiers, { ...everything, tiers: ["unit"] }, false, deps);
    expect(result?.note).toBe("over its limit of 10 min");
  });
});
