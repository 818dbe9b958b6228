import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, expect, it } from "vitest";
import { realClock } from "../../../agent/runner/deps.ts";
import { followOutput, type Output } from "../../../agent/runner/output.ts";
import { eventually } from "./agents.ts";

const limits = { outputBytesMax: 64 * 1024, outputPollMs: 10 };
let folder: string;
let file: string;
let output: Output | null = null;
let lines: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "muster-output-"));
  file = join(folder, "runner.log");
  writeFileSync(file, "of an earlier start\n");
  lines = [];
  output = followOutput(file, (line) => void lines.push(line), limits, realClock);
});
afterEach(() => {
  output?.close();
  rmSync(folder, { recursive: true, force: true });
});

it("every line is told once, also across the moment at which the file is copied aside and emptied", async () => {
  const written = Array.from({ length: 4_000 }, (_, number) => `line ${number} ${"-".repeat(20)}`);
  for (let at = 0; at < written.length; at += 100) {
    writeFileSync(file, `${written.slice(at, at + 100).join("\n")}\n`, { flag: "a" });
    output!.read();
  }
  expect(lines).toEqual(written);
  expect(statSync(file).size).toBeLessThan(limits.outputBytesMax);
  expect(readFileSync(`${file}.1`, "utf8")).toContain("line 0 ");
});

it("where no file can be made beside it, it is emptied all the same, and followed on", () => {
  mkdirSync(`${file}.1`);
  const long = `${"-".repeat(limits.outputBytesMax)}\n`;
  for (const text of [long, "Listening for Jobs\n"]) {
    writeFileSync(file, text, { flag: "a" });
    output!.read();
  }
  expect(lines.at(-1)).toBe("Listening for Jobs");
  expect(statSync(file).size).toBeLessThan(limits.outputBytesMax);
});

it("who writes without end holds up nothing else, and is heard again afterwards", async () => {
  const flood = spawn("sh", ["-c", `exec timeout 2 yes >>"$0"`, file], { stdio: "ignore" });
  const ended = once(flood, "exit");
  let turns = 0;
  for (let running = true; running; turns += 1)
    running = await Promise.race([ended.then(() => false), pause(10).then(() => true)]);
  // Some hundred where nothing else runs, one or two when everything waits for the end of the flood.
  expect(turns).toBeGreaterThan(5);
  output!.read();
  writeFileSync(file, "2026-11-24 01:02:03Z: Listening for Jobs\n", { flag: "a" });
  await eventually(() => lines.some((line) => line.endsWith("Listening for Jobs")), "it is heard");
}, 60_000);

it("a file that was made as long as none can be is emptied, not read or copied", async () => {
  truncateSync(file, 2 ** 40);
  await eventually(() => statSync(file).size === 0, "it is emptied");
  writeFileSync(file, "Listening for Jobs\n", { flag: "a" });
  await eventually(() => lines.includes("Listening for Jobs"), "it is heard");
});
