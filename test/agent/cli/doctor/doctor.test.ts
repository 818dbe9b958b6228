import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { reportLines, summaryLine } from "../../../../agent/cli/doctor/command.ts";
import { type Check, checks, examine } from "../../../../agent/cli/doctor/doctor.ts";
import { checkIds, type Finding, Missing, ok } from "../../../../agent/cli/doctor/finding.ts";
import { width } from "../../../../agent/cli/table.ts";
import { terminalOf } from "../../../../agent/cli/terminal.ts";
import { checkout } from "../../../../agent/cli/pulumi.ts";
import { muster } from "../verbs/rig.ts";
import { factsOf, temporary } from "./rig.ts";

const run = (list: readonly (readonly [(typeof checkIds)[number], Check])[], limitMs = 5_000) =>
  examine(factsOf({}), limitMs, list);

describe("the doctor", () => {
  it("tells a check that crashes, or that hangs, as a line beside the others", async () => {
    const findings = await run(
      [
        ["git", () => Promise.reject(new TypeError("x is not a function\n    at somewhere.ts:1"))],
        ["tar", () => new Promise(() => {})],
        ["bash", () => Promise.resolve([ok("bash", "fine")])],
      ],
      50,
    );
    expect(findings.map(({ id, level, found }) => `${id} ${level}: ${found}`)).toEqual([
      "git warning: could not be looked at: x is not a function",
      "tar warning: could not be looked at: this check: no answer within 0.05 s",
      "bash ok: fine",
    ]);
  });

  it("runs its checks side by side", async () => {
    let release = () => {};
    const second = new Promise<void>((resolve) => (release = resolve));
    const findings = await run([
      ["git", () => second.then(() => [ok("git", "waited for the other")])],
      ["tar", () => Promise.resolve([ok("tar", "came")]).finally(release)],
    ]);
    expect(findings.map(({ level }) => level)).toEqual(["ok", "ok"]);
  });

  it("says what was not looked at, one line a reason", async () => {
    const missing: Check = () => Promise.reject(new Missing("there is no stack"));
    const findings = await run([
      ["clock", missing],
      ["labels", missing],
    ]);
    const terminal = { ...terminalOf({ write: () => {} }, {}), columns: 80 };
    expect(reportLines(findings, terminal)).toEqual([
      "skipped  clock, labels: not looked at: there is no stack",
      "",
      "nothing stands in the way, 2 not looked at; docs/doctor.md explains each line",
    ]);
  });

  it.each([60, 80, 200])(
    "keeps its sentences within %d columns and strings of others harmless",
    (columns) => {
      const terminal = { ...terminalOf({ write: () => {} }, {}), columns };
      const finding: Finding = {
        id: "public-repositories",
        level: "blocker",
        found: `${"a word and another ".repeat(20)}\u001b[2J`,
        cure: "npm run pulumi -- up",
      };
      const lines = reportLines([finding], terminal);
      expect(lines.filter((line) => width(line) > Math.max(columns, 71))).toEqual([]);
      expect(lines.join("\n")).not.toContain("\u001b");
      expect(lines.join("\n")).toContain("-> npm run pulumi -- up");
    },
  );

  it("counts blockers and warnings", () => {
    const of = (level: Finding["level"]): Finding => ({ id: "git", level, found: "", cure: "" });
    expect(summaryLine([of("blocker"), of("warning"), of("warning"), of("ok")])).toBe(
      "1 blocker, 2 warnings; docs/doctor.md explains each line",
    );
  });

  it("ends with 1 on a blocker and prints a list for programs", async () => {
    const directory = join(await temporary(), "local");
    const { code, stdout, stderr } = await muster(
      ["doctor", "--directory", directory, "--json", "--stack", "nowhere"],
      {
        env: { XDG_CACHE_HOME: directory, PATH: directory },
      },
    );
    const findings = JSON.parse(stdout) as Finding[];
    expect(stderr).toBe("");
    expect(findings.find(({ id }) => id === "tar")).toMatchObject({ level: "blocker" });
    expect(code).toBe(1);
    expect(new Set(findings.map(({ id }) => id)).size).toBeGreaterThan(20);
  });
});

describe("docs/doctor.md", () => {
  const text = readFileSync(join(checkout, "docs/doctor.md"), "utf8");
  const sections = new Map(
    text
      .split(/^### /m)
      .slice(1)
      .map((section) => [section.split("\n")[0]!, section] as const),
  );
  it.each(checkIds)("has a paragraph for %s that says how bad it is", (id) => {
    expect(sections.get(id)).toMatch(/^[^]{40,}\*\*(Warning|Blocker|warning|blocker)\*\*/);
  });
  it("has none for a line that the doctor never says", () => {
    expect([...sections.keys()].filter((id) => !(checkIds as readonly string[]).includes(id))).toEqual([]);
  });
  it("knows every check", () => {
    expect(checks.filter(([id]) => !sections.has(id))).toEqual([]);
  });
});
