/**
 * The stand-in `journalctl` of the manager's machine: what units.ts collected of each unit, in the fields and with the
 * options of the real one that agent/updater/journal.ts uses. `journalctl.ts LOGS ARGUMENTS...`; a cursor is how many
 * lines of each unit were read.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

const [logs, ...args] = process.argv.slice(2) as [string, ...string[]];
const { values } = parseArgs({
  args,
  options: {
    quiet: { type: "boolean" },
    "no-pager": { type: "boolean" },
    all: { type: "boolean" },
    boot: { type: "boolean" },
    output: { type: "string" },
    "output-fields": { type: "string" },
    unit: { type: "string", multiple: true },
    "after-cursor": { type: "string" },
  },
});
const read: Record<string, number> = {};
if (values["after-cursor"] !== undefined)
  try {
    const parts = values["after-cursor"].split(";").map((part) => /^([\w.-]+)=(\d+)$/.exec(part)!);
    for (const [, unit, lines] of parts) read[unit!] = Number(lines);
  } catch {
    console.error("Failed to seek to cursor: Invalid argument");
    process.exit(1);
  }

const here = readdirSync(logs).flatMap((file) => /^(.+\.service)\.log$/.exec(file)?.[1] ?? []);
for (const unit of here.filter((name) => values.unit?.includes(name))) {
  const file = join(logs, `${unit}.log`);
  const lines = readFileSync(file, "utf8").split("\n").slice(0, -1);
  const at = Math.round(statSync(file).mtimeMs * 1_000);
  for (const MESSAGE of lines.slice(read[unit] ?? 0)) {
    read[unit] = (read[unit] ?? 0) + 1;
    const __CURSOR = Object.entries(read)
      .map(([name, count]) => `${name}=${count}`)
      .join(";");
    console.log(JSON.stringify({ __CURSOR, __REALTIME_TIMESTAMP: String(at), _SYSTEMD_UNIT: unit, MESSAGE }));
  }
}
