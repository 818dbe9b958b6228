import {
  copyFileSync,
  readFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { apply } from "../../../agent/manager/apply.ts";
import type { Deps } from "../../../agent/manager/deps.ts";
import { gpusOf } from "../../../agent/manager/gpus.ts";
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

test("a machine that took the place of another is the one that is there after a restart", () => {
  const first = open();
  const asked = machine("a-l1-0", "asked", { launch: "l1", startedMs: null });
  const launch = {
    ...{ id: "l1", backend: "local", request: { pool: "a", offer: "local", machines: ["a-l1-0"] } },
    ...{ worstMicros: 0, askedMs: 0, sentMs: 0, sends: 1, is: "in-flight" as const },
  };
  const sent = world({ machines: [asked], launches: { l1: launch } });
  const named = apply(sent, { is: "launched", launch: "l1", machines: ["i-1"], failures: [] }, 1, limits);
  first.save(world(), sent);
  first.save(sent, named);
  first.close();
  const second = open();
  expect(second.machines.map(({ id, stage }) => [id, stage])).toEqual([["i-1", "starting"]]);
  expect(second.launches).toMatchObject([{ id: "l1", is: "settled", named: ["i-1"] }]);
  second.close();
});

test("rows of the previous version, which knew nothing of graphics processors, are read as they are", () => {
  const first = open();
  const host = { arch: "x64", cores: 4, memoryMb: 8_000, diskFreeMb: 1, kernel: "6.1" };
  const before = world();
  first.save(before, world({ machines: [machine("m1", "enrolled", { host })] }));
  first.close();
  const second = open();
  expect(second.machines[0]?.host).toEqual(host);
  expect(gpusOf(world({ machines: second.machines }), second.machines[0]!)).toBeNull();
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

describe("an older copy that is put back while its heartbeat is still young", () => {
  const file = (name = "") => join(folder, `journal.sqlite${name}`);
  const saved = (id: string) => {
    const journal = open();
    journal.save(world(), world({ machines: [machine(id, "starting")] }));
    journal.close();
  };

  test("counts as lost: it does not know who has enrolled since", () => {
    saved("m1");
    copyFileSync(file(), file(".copy"));
    saved("m2");
    rmSync(file());
    copyFileSync(file(".copy"), file());
    const journal = open();
    expect(journal.whole).toBe(false);
    journal.close();
    const next = open();
    expect(next.whole, "from then on it is complete").toBe(true);
    next.close();
  });

  test("is found out after a single heartbeat", () => {
    saved("m1");
    copyFileSync(file(), file(".copy"));
    const running = open();
    running.heartbeat(clock.now());
    running.close();
    copyFileSync(file(".copy"), file());
    const journal = open();
    expect(journal.whole).toBe(false);
    journal.close();
  });

  test("counts as lost also where the journal and all beside it were lost since, and few writes came after", async () => {
    for (const id of ["m1", "m2", "m3"]) saved(id);
    copyFileSync(file(), file(".copy"));
    rmSync(file());
    rmSync(file(".count"));
    await clock.advance(1_000);
    open().close();
    copyFileSync(file(".copy"), file());
    const journal = open();
    expect(journal.whole).toBe(false);
    journal.close();
  });

  test("a count that an earlier version wrote is read", () => {
    saved("m1");
    const [count] = readFileSync(file(".count"), "utf8").split(" ");
    writeFileSync(file(".count"), count!);
    const journal = open();
    expect(journal.whole).toBe(true);
    journal.close();
  });

  test("a journal of a manager that did not count yet is whole", () => {
    saved("m1");
    const earlier = new DatabaseSync(file());
    earlier.exec("DELETE FROM meta WHERE key = 'count'");
    earlier.close();
    rmSync(file(".count"));
    const journal = open();
    expect([journal.whole, journal.machines.length]).toEqual([true, 1]);
    journal.close();
  });

  test("a manager that was killed between the write and its count has a whole one", () => {
    saved("m1");
    const [, since] = readFileSync(file(".count"), "utf8").split(" ");
    writeFileSync(file(".count"), `${"1".padStart(16, "0")} ${since}`);
    const journal = open();
    expect(journal.whole).toBe(true);
    journal.close();
  });
});

test.each([
  ["a row that is no JSON", "INSERT INTO machines VALUES ('m9', '{')"],
  ["a row that is no machine", "INSERT INTO machines VALUES ('m9', '{}')"],
  ["a row that is nothing", "INSERT INTO launches VALUES ('l9', 'null')"],
  ["a table of another shape", "DROP TABLE machines; CREATE TABLE machines (id TEXT) STRICT"],
])("a file with %s is set aside, and the next start is a plain one", (_what, sql) => {
  open().close();
  const spoiled = new DatabaseSync(join(folder, "journal.sqlite"));
  spoiled.exec(sql);
  spoiled.close();
  const journal = open();
  expect([journal.whole, journal.machines]).toEqual([false, []]);
  journal.close();
  const next = open();
  expect(next.whole).toBe(true);
  next.close();
  expect(readdirSync(folder).filter((name) => name.includes(".aside-"))).toHaveLength(1);
});

test("what a killed manager had not moved into the file yet is set aside with it", () => {
  const first = open();
  first.save(world(), world({ machines: [machine("m1", "busy")] }));
  for (const part of ["", "-wal"])
    copyFileSync(join(folder, `journal.sqlite${part}`), join(folder, `kept${part}`));
  first.close();
  const path = join(folder, "kept");
  writeFileSync(path, "torn".padEnd(8_192, "x"));
  openJournal(path, deps, limits).close();
  const aside = readdirSync(folder).find((name) => /^kept\.aside-\d+$/.test(name));
  expect(existsSync(join(folder, `${aside}-wal`))).toBe(true);
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
