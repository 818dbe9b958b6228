import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openHistory } from "../../../../agent/manager/history/history.ts";
import { openStore } from "../../../../agent/manager/history/store.ts";
import { fakeClock, quietDeps } from "../web/fake-deps.ts";
import { machine, now, registered, world } from "../worlds.ts";
import { news, player } from "./facts.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "muster-history-"));
  path = join(folder, "history.sqlite");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the history's file", () => {
  it("gives back jobs, their moments and the waits after a restart", () => {
    const deps = quietDeps(fakeClock(now));
    const first = openHistory({ path }, deps);
    const play = player([first]);
    play.boot("m1", now, 100);
    play.seen(now + 700, news("started", "j1", { queuedMs: now, runner: "m1" }));
    play.seen(now + 800, news("queued", "j2", { queuedMs: now + 790 }));
    const jobs = first.jobs(10);
    first.close();

    const second = openHistory({ path }, deps);
    expect(second.jobs(10)).toEqual(jobs);
    expect(second.waits()).toEqual(first.waits());
    player([second]).seen(now + 900, news("completed", "j1", { runner: "m1", result: "succeeded" }));
    expect(second.job("j1")).toMatchObject({
      machine: "m1",
      times: { "launch asked": now, running: now + 700, done: now + 900 },
    });
    second.close();
    expect(deps.lines).toEqual([]);
  });

  it("is written in batches, not by fact", () => {
    const clock = fakeClock(now);
    const history = openHistory({ path, limits: { batchRows: 10 } }, quietDeps(clock));
    const play = player([history]);
    const rows = () => {
      const file = new DatabaseSync(path, { readOnly: true });
      const count = Number(file.prepare("SELECT count(*) AS n FROM jobs").get()!["n"]);
      file.close();
      return count;
    };
    const idle = clock.timers();
    for (let index = 0; index < 25; index++) play.seen(now, news("queued", `j${index}`, { queuedMs: now }));
    expect(rows()).toBe(0);
    expect(clock.timers()).toBe(idle + 1);
    clock.advance(250);
    expect(rows()).toBe(10);
    clock.advance(20);
    expect(rows()).toBe(25);
    expect(clock.timers()).toBe(idle);
    history.close();
  });

  it("is set aside when a newer manager wrote it", () => {
    openHistory({ path }, quietDeps()).close();
    const newer = new DatabaseSync(path);
    newer.exec("PRAGMA user_version = 99");
    newer.close();
    const deps = quietDeps(fakeClock(now));
    const history = openHistory({ path }, deps);
    player([history]).seen(now, news("queued", "j1", { queuedMs: now }));
    history.close();
    expect(readdirSync(folder).sort()).toEqual(["history.sqlite", "history.sqlite.newer-schema-99"]);
    expect(deps.lines.join()).toContain("set aside");
    expect(openHistory({ path }, deps).job("j1")).not.toBeNull();
  });

  it("is set aside when it is no database", () => {
    writeFileSync(path, "not a database at all".repeat(100));
    const deps = quietDeps();
    const history = openHistory({ path }, deps);
    expect(history.jobs(1)).toEqual([]);
    history.close();
    expect(existsSync(`${path}.unreadable`)).toBe(true);
  });

  it("costs charts only when it cannot be opened or written", () => {
    const clock = fakeClock(now);
    const nowhere = quietDeps(clock);
    const unopened = openHistory({ path: join(folder, "missing", "history.sqlite") }, nowhere);
    const deps = quietDeps(clock);
    const history = openHistory({ path }, deps);
    const play = player([unopened, history]);
    play.seen(now, news("queued", "j1", { queuedMs: now }));
    const other = new DatabaseSync(path);
    other.exec("DROP TABLE jobs");
    other.close();
    clock.advance(1_000);
    play.seen(now, news("queued", "j2", { queuedMs: now }));
    clock.advance(1_000);
    for (const each of [unopened, history]) {
      expect(
        each
          .jobs(10)
          .map(({ id }) => id)
          .sort(),
      ).toEqual(["j1", "j2"]);
      each.close();
    }
    expect(nowhere.lines).toHaveLength(1);
    expect(deps.lines).toHaveLength(1);
    expect(clock.timers()).toBe(0);
  });
});

describe("a file that could not be written", () => {
  it("is written again by itself, with what was heard meanwhile", () => {
    const clock = fakeClock(now);
    const deps = quietDeps(clock);
    const folderOfTomorrow = join(folder, "later");
    const late = join(folderOfTomorrow, "history.sqlite");
    const history = openHistory({ path: late }, deps);
    const play = player([history]);
    play.seen(now, news("completed", "j1", { result: "succeeded" }));
    clock.advance(10 * 60_000);
    expect(deps.lines, "said once").toHaveLength(1);
    mkdirSync(folderOfTomorrow);
    clock.advance(2 * 60_000);
    play.seen(clock.now(), news("completed", "j2", { result: "succeeded" }));
    clock.advance(1_000);
    history.close();
    expect(deps.lines.map((line) => /"msg":"([^;"]+)/.exec(line)?.[1])).toEqual([
      "history: cannot be opened",
      "history: it can be written again",
    ]);
    const reopened = openHistory({ path: late }, quietDeps(clock));
    expect(reopened.jobs(10).map(({ id }) => id)).toEqual(["j2", "j1"]);
    reopened.close();
  });
});

describe("trimming", () => {
  const filled = (rows: number, ageMs: (index: number) => number) => {
    const history = openHistory({ path: ":memory:" }, quietDeps(fakeClock(now)));
    const play = player([history]);
    for (let index = 0; index < rows; index++) play.seen(now, news("queued", `j${index}`, { queuedMs: now }));
    const store = openStore(path, () => {});
    store.save(history.jobs(rows).map((job, index) => ({ ...job, seenMs: now - ageMs(index) })));
    return store;
  };

  it("deletes what is too old, a few rows at a time", () => {
    const store = filled(25, (index) => index * 1_000);
    const trim = () => store.trim(now - 9_500, Infinity, 10);
    expect([trim(), trim(), trim()]).toEqual([true, false, false]);
    expect(store.open(100)).toHaveLength(10);
    store.close();
  });

  it("deletes the oldest beyond the size and gives the room back to the disk", () => {
    filled(2_000, (index) => index).close(); // which brings the log into the file
    const fileBytes = statSync(path).size;
    const store = openStore(path, () => {});
    const before = store.bytes();
    const bytesMax = Math.floor(before / 2);
    for (let steps = 0; steps < 100 && store.trim(0, bytesMax, 50); steps++);
    expect(store.bytes()).toBeLessThanOrEqual(bytesMax);
    const left = store.open(5_000);
    expect(left.length).toBeGreaterThan(500);
    expect(Math.min(...left.map(({ seenMs }) => seenMs))).toBe(now - left.length + 1);
    store.close();
    expect(statSync(path).size).toBeLessThan(fileBytes * 0.7);
  });

  it("keeps 30 days: a day later the oldest is gone, also where no job was heard of since", () => {
    const hour = 60 * 60_000;
    const day = 24 * hour;
    const clock = fakeClock(now);
    const history = openHistory({ path, limits: { trimPeriodMs: hour, retryMs: hour } }, quietDeps(clock));
    const play = player([history]);
    for (let at = 0; at < 40; at++) {
      play.seen(clock.now(), news("completed", `day ${at}`, { result: "succeeded" }));
      clock.advance(day);
    }
    const kept = () => {
      const reader = openStore(path, () => {});
      const ids = reader.completed(100).map(({ id }) => id);
      reader.close();
      return ids;
    };
    expect(kept()).toEqual(Array.from({ length: 30 }, (_, index) => `day ${39 - index}`));
    clock.advance(10 * day);
    expect(kept()).toHaveLength(20);
    clock.advance(20 * day);
    expect(kept()).toEqual([]);
    history.close();
    expect(clock.timers()).toBe(0);
  });

  it("happens by itself, once a minute, while jobs are written", () => {
    const clock = fakeClock(now);
    const history = openHistory({ path, limits: { keptMs: 60_000 } }, quietDeps(clock));
    const play = player([history]);
    play.seen(now, news("completed", "old", { result: "succeeded" }));
    clock.advance(120_000);
    play.seen(now + 120_000, news("completed", "new", { result: "succeeded" }));
    clock.advance(1_000);
    history.close();
    const reopened = openHistory({ path }, quietDeps(clock));
    expect(reopened.jobs(10).map(({ id }) => id)).toEqual(["new"]);
    reopened.close();
  });
});

it("takes well under a millisecond a fact among 2,000 machines and 1,000 jobs", () => {
  const machines = Array.from({ length: 2_000 }, (_, index) => registered(`m${index}`, "listening"));
  const busy = world({ machines: [...machines, machine("x", "asked")] });
  const history = openHistory({ path }, quietDeps());
  for (let index = 0; index < 1_000; index++) {
    const fact = {
      is: "demand-seen" as const,
      pool: "a",
      statistics: { available: 0, acquired: 0, assigned: 0, running: 0, registered: 0, busy: 0, idle: 0 },
      news: [news("queued", `j${index}`, { queuedMs: now })],
      labelsDropped: [],
    };
    history.record(fact, busy, busy, now);
  }
  const report = { sequence: 1, phase: "listening" as const, lastLife: null, problem: null, usage: null };
  // Of the processor, not of the clock: what else runs on the computer does not count.
  const began = process.cpuUsage();
  for (let index = 0; index < 2_000; index++) {
    history.record(
      { is: "synced", machine: `m${index}`, life: 1, done: 0, job: null, report },
      busy,
      busy,
      now,
    );
  }
  const { user, system } = process.cpuUsage(began);
  const msPerFact = (user + system) / 1_000 / 2_000;
  history.close();
  expect(msPerFact).toBeLessThan(0.5);
});
