import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openLog, rotate, tail } from "../../../agent/supervisor/logs.ts";

let directory: string;
let file: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "muster-logs-"));
  file = join(directory, "manager.log");
});
afterEach(() => rm(directory, { recursive: true }));

test("a log that grew is emptied, its content kept once beside it, and writers go on", async () => {
  const writer = await openLog(file);
  await writer.write("x".repeat(100));
  await rotate(file, 50);
  await writer.write("new");
  await writer.close();
  expect(await readFile(file, "utf8")).toBe("new");
  expect((await stat(`${file}.1`)).size).toBe(100);
});

test("a small log stays", async () => {
  await writeFile(file, "few");
  await rotate(file, 50);
  expect(await readFile(file, "utf8")).toBe("few");
});

test("the tail is the last lines, and nothing where there is no log", async () => {
  expect(await tail(file)).toBe("");
  for (let line = 1; line <= 5_000; line++) await appendFile(file, `line ${line}\n`);
  expect(await tail(file, 2)).toBe("line 4999\nline 5000");
});
