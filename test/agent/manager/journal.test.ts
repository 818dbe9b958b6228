import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Deps } from "../../../agent/manager/deps.ts";
import { openJournal } from "../../../agent/manager/journal.ts";
import { defaultLimits as limits, journalQuietMs } from "../../../agent/manager/limits.ts";
import { virtualClock } from "../../simulation/clock.ts";
import { machine, world } from "./worlds.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "muster-journal-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const clock = virtualClock();
const deps: Deps = { clock, random: () => 0, id: () => "1", log: pino({ level: "silent" }), fetch };
const open = () => openJournal(join(folder, "journal.sqlite"), deps, limits);

test("what was saved is there after a restart, and what was removed is not", () => {
  const first = open();
  const before = world();
  const one = world({ machines: [machine("m1", "starting"), machine("m2", "busy")] });
  first.save(before, one);
  first.save(one, world({ machines: [machine("m2", "done")] }));
  first.close();
  const second = open();
  expect(second.machines).toEqual([machine("m2", "done")]);
  expect(second.whole).toBe(true);
  second.close();
});

test("a new file is not whole: earlier machines are spent", () => {
  const journal = open();
  expect([journal.whole, journal.completeSinceMs]).toEqual([false, clock.now()]);
  journal.close();
});

test("since when it is complete survives later restarts", async () => {
  const first = open();
  first.close();
  await clock.advance(1_000);
  const second = open();
  expect(second.completeSinceMs).toBe(first.completeSinceMs);
  second.close();
});

test.each([
  [0, true],
  [1, false],
])("a heartbeat %i ms past the quiet time: whole = %s (an old copy was put back)", async (pastMs, whole) => {
  open().close();
  await clock.advance(journalQuietMs(limits) + pastMs);
  const journal = open();
  expect(journal.whole).toBe(whole);
  journal.close();
});

test("a file of a newer version is set aside and counts as lost", () => {
  open().close();
  const newer = new DatabaseSync(join(folder, "journal.sqlite"));
  newer.exec("PRAGMA user_version = 99");
  newer.close();
  const journal = open();
  expect(journal.whole).toBe(false);
  expect(readdirSync(folder).some((name) => name.includes(".aside-"))).toBe(true);
  journal.close();
});

test("a torn file is set aside and counts as lost, it does not stop the manager", () => {
  writeFileSync(join(folder, "journal.sqlite"), "SQLite format 3\0 torn by a power loss".padEnd(4_096, "x"));
  const journal = open();
  expect([journal.whole, journal.machines]).toEqual([false, []]);
  journal.close();
});

test("a drain under way goes on after a restart", () => {
  const first = open();
  first.save(world(), world({ draining: true }));
  first.close();
  const second = open();
  expect(second.draining).toBe(true);
  second.close();
});
