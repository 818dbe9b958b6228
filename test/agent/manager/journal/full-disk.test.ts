// Goal: a full disk stops launches and nothing else, whoever filled it, and what is the journal's stays the journal's.
// Method: the real journal on a small file system of its own that is really full.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Journal, openJournal } from "../../../../agent/manager/journal.ts";
import { reserveFile } from "../../../../agent/manager/journal/room.ts";
import { defaultLimits } from "../../../../agent/manager/limits.ts";
import type { World } from "../../../../agent/manager/world.ts";
import { virtualClock } from "../../../simulation/clock.ts";
import { mayMount, type SmallDisk, smallDisk } from "../small-disk.ts";
import { quietDeps } from "../web/fake-deps.ts";
import { machine, world } from "../worlds.ts";

const megabyte = 1024 ** 2;
const limits = { ...defaultLimits, journalBytes: 4 * megabyte, journalReserveBytes: 2 * megabyte };
const many = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => machine(`machine-${from + index}`, "busy"));

describe.skipIf(!mayMount)("a full disk (a file system of its own: needs root)", () => {
  let disk: SmallDisk;
  let path: string;
  let journal: Journal | null = null;
  const open = () => (journal = openJournal(path, quietDeps(virtualClock()), limits));
  const close = () => {
    journal?.close();
    journal = null;
  };
  beforeEach(() => {
    disk = smallDisk(32);
    path = join(disk.directory, "journal.sqlite");
  });
  afterEach(() => {
    close();
    disk.remove();
  });
  const reserveAll = (of: Journal) => {
    for (let steps = 0; of.reserve() === "more"; steps++) expect(steps).toBeLessThan(100);
  };

  test("without room of its own: a write is refused, and fits again once there is room", () => {
    const own = open();
    disk.fill();
    const save = () => own.save(world(), world({ machines: many(0, 2_000) }));
    expect(save).toThrow(/full|I\/O/);
    expect(() => own.heartbeat(1), "a small write is no proof of room").toThrow(/full|I\/O/);
    disk.makeRoom();
    own.heartbeat(2);
    save();
    close();
    expect(open().machines).toHaveLength(2_000);
  });

  test("a refused write leaves what was there before", () => {
    const first = open();
    const before = world({ machines: many(0, 3) });
    first.save(world(), before);
    disk.fill();
    expect(() => first.save(before, world({ machines: many(3, 2_000) }))).toThrow();
    disk.makeRoom();
    close();
    expect(open().machines.map(({ id }) => id)).toEqual(["machine-0", "machine-1", "machine-2"]);
  });

  test("with room of its own the journal goes on, thousands of changes long", () => {
    const own = open();
    reserveAll(own);
    expect(statSync(path).size + statSync(`${path}-wal`).size).toBeGreaterThanOrEqual(limits.journalBytes);
    disk.fill();
    expect(disk.free()).toBe(0);
    let at: World = world();
    for (let change = 0; change < 3_000; change++) {
      const next = world({ machines: many(change, 20) });
      own.save(at, next);
      if (change % 100 === 0) own.heartbeat(change);
      at = next;
    }
    disk.makeRoom();
    close();
    expect(open().machines.map(({ id }) => id)).toContain("machine-2999");
  });

  test("a manager begins on a full disk in what was kept for that, and can write", () => {
    const first = open();
    first.save(world(), world({ machines: many(0, 1) }));
    reserveAll(first);
    expect(existsSync(reserveFile(path))).toBe(true);
    close();
    disk.fill();
    const second = open();
    expect([second.whole, second.machines.length]).toEqual([true, 1]);
    second.save(world({ machines: many(0, 1) }), world({ machines: many(0, 100) }));
    second.heartbeat(1);
    // And keeps room for the next time as soon as there is some.
    expect(existsSync(reserveFile(path))).toBe(false);
    disk.makeRoom();
    reserveAll(second);
    expect(existsSync(reserveFile(path))).toBe(true);
  });

  test("a disk that has little room is left to those who need it", () => {
    const own = open();
    disk.fill(5 * megabyte);
    expect(own.reserve()).toBe("later");
    expect(disk.free()).toBeGreaterThan(4 * megabyte);
  });
});
