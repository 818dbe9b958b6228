/** `muster doctor` as a command. */
import { defineCommand } from "citty";
import { safe, wrap } from "../table.ts";
import { realTerminal, type Terminal, type Tone } from "../terminal.ts";
import { whereArgs } from "../where.ts";
import { examine } from "./doctor.ts";
import { gatherFacts, realDoctorDeps } from "./facts.ts";
import { checkIds, type Finding, type Level } from "./finding.ts";

const tones: Record<Level, Tone> = { ok: "good", warning: "warn", blocker: "bad", skipped: "quiet" };
const levelWidth = "blocker".length;
const idWidth = Math.max(...checkIds.map((id) => id.length));

/** Two columns and a sentence; the cure on a line of its own, whole, to be copied. */
export const findingLines = ({ level, id, found, cure }: Finding, terminal: Terminal): string[] => {
  const indent = " ".repeat(levelWidth + idWidth + 4);
  const room = Math.max(40, terminal.columns - indent.length);
  const [first = "", ...more] = wrap(safe(found, 1024), room);
  const head = `${terminal.paint(tones[level], level.padEnd(levelWidth))}  ${id.padEnd(idWidth)}  `;
  const cured = cure === "" ? [] : wrap(`-> ${safe(cure, 1024)}`, room, "   ");
  return [`${head}${first}`, ...[...more, ...cured].map((line) => `${indent}${line}`)];
};

/** What could not be looked at for one reason is one line. */
const skippedLines = (findings: readonly Finding[], terminal: Terminal): string[] => {
  const skipped = findings.filter(({ level }) => level === "skipped");
  const reasons = [...new Set(skipped.map(({ found }) => found))];
  return reasons.flatMap((found) => {
    const ids = skipped.filter((one) => one.found === found).map(({ id }) => id);
    const head = terminal.paint("quiet", "skipped".padEnd(levelWidth));
    return wrap(
      `${head}  ${ids.join(", ")}: ${safe(found, 1024)}`,
      terminal.columns,
      " ".repeat(levelWidth + 2),
    );
  });
};

/** Everything that is printed. */
export const reportLines = (findings: readonly Finding[], terminal: Terminal): string[] => [
  ...findings.filter(({ level }) => level !== "skipped").flatMap((one) => findingLines(one, terminal)),
  ...skippedLines(findings, terminal),
  "",
  summaryLine(findings),
];

const count = (findings: readonly Finding[], level: Level) =>
  findings.filter((one) => one.level === level).length;
const named = (number: number, word: string) => `${number} ${word}${number === 1 ? "" : "s"}`;

export const summaryLine = (findings: readonly Finding[]): string => {
  const [blockers, warnings, skipped] = [
    count(findings, "blocker"),
    count(findings, "warning"),
    count(findings, "skipped"),
  ];
  const parts = [
    blockers === 0 ? "nothing stands in the way" : named(blockers, "blocker"),
    ...(warnings > 0 ? [named(warnings, "warning")] : []),
    ...(skipped > 0 ? [`${skipped} not looked at`] : []),
  ];
  return `${parts.join(", ")}; docs/doctor.md explains each line`;
};

export const doctorCommand = defineCommand({
  meta: {
    name: "doctor",
    description: "what is in order, what is not, and the cure; exit code 1 on a blocker",
  },
  args: {
    ...whereArgs,
    json: { type: "boolean", description: "as a JSON list, for programs", default: false },
  },
  run: async ({ args }) => {
    const findings = await examine(gatherFacts(args, realDoctorDeps()));
    if (findings.some(({ level }) => level === "blocker")) process.exitCode = 1;
    if (args.json) return console.log(JSON.stringify(findings));
    const terminal = realTerminal();
    reportLines(findings, terminal).forEach(terminal.print);
  },
});
