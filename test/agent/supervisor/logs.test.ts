import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mayMount, smallDisk } from "../manager/small-disk.ts";
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

test.skipIf(!mayMount)(
  "on a full disk (its own file system: needs root) the log is emptied without a copy",
  async () => {
    const disk = smallDisk(2);
    try {
      const log = join(disk.directory, "manager.log");
      await writeFile(log, "x".repeat(700_000));
      await writeFile(`${log}.1`, "y".repeat(700_000));
      disk.fill();
      await rotate(log, 50);
      expect([(await stat(log)).size, disk.free() > 600_000]).toEqual([0, true]);
      await appendFile(log, "goes on");
      disk.makeRoom();
    } finally {
      disk.remove();
    }
  },
);

test("however much is written, log and copy stay within twice the limit between two looks", async () => {
  const writer = await openLog(file);
  for (let look = 0; look < 50; look++) {
    await writer.write("x".repeat(900));
    await rotate(file, 1_000);
    const copied = await stat(`${file}.1`).then(
      ({ size }) => size,
      () => 0,
    );
    expect((await stat(file)).size + copied).toBeLessThanOrEqual(2 * 1_900);
  }
  await writer.close();
});

test("the tail is the last lines, and nothing where there is no log", async () => {
  expect(await tail(file)).toBe("");
  for (let line = 1; line <= 5_000; line++) await appendFile(file, `line ${line}\n`);
  expect(await tail(file, 2)).toBe("line 4999\nline 5000");
});
