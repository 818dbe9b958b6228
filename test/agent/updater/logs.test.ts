import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readJournal } from "../../../agent/updater/journal.ts";
import { ProgramFailed } from "../../../agent/updater/lines.ts";
import { callsOf } from "../../../agent/updater/logs.ts";
import { makeUpdaterRig, type UpdaterRig } from "./rig.ts";

let cursors = 0;
/** As `journalctl --output=json` has it. */
const line = (MESSAGE: unknown, over: Record<string, unknown> = {}) =>
  JSON.stringify({
    __CURSOR: `c${++cursors}`,
    __REALTIME_TIMESTAMP: "1800000000123456",
    _SYSTEMD_UNIT: "muster-manager.service",
    MESSAGE,
    ...over,
  });

describe("what is read", () => {
  const read = async (lines: string[], cursor: string | null = null) => {
    let asked: readonly string[] = [];
    const piece = await readJournal(cursor, 1, {
      lines: async (_, args) => {
        asked = args;
        return { lines, more: false };
      },
    });
    return { ...piece, asked };
  };

  test("the first time all of this boot, then what came after the last entry", async () => {
    const first = await read([]);
    expect(first.asked).toContain("--boot");
    expect(first.cursor).toBe(null);
    const next = await read([line("a", { __CURSOR: "s=1;i=2" })], "s=1;i=1");
    expect(next.asked).toContain("--after-cursor=s=1;i=1");
    expect(next.asked).not.toContain("--boot");
    expect(next.cursor).toBe("s=1;i=2");
  });

  test("each line with its time and who said it; what systemd says of a unit is that unit's", async () => {
    const { entries } = await read([
      line("hello"),
      line("Started", { _SYSTEMD_UNIT: "init.scope", UNIT: "muster-boot.service" }),
    ]);
    expect(entries).toEqual([
      { from: "manager", atMs: 1_800_000_000_123, text: "hello" },
      { from: "boot", atMs: 1_800_000_000_123, text: "Started" },
    ]);
  });

  test("bytes that are no text are read as well as they can be; nothing is left out but nothing", async () => {
    const { entries } = await read([
      line([104, 105, 255]),
      line(null),
      line(" "),
      line("x", { _SYSTEMD_UNIT: "a" }),
    ]);
    expect(entries.map(({ text }) => text)).toEqual(["hi\u{fffd}"]);
  });
});

describe("what goes in one call", () => {
  const day = 86_400_000;
  const entry = (atMs: number, from = "manager", text = `at ${atMs}`) => ({ atMs, from, text });

  test("entries of one stream, oldest first", () => {
    const calls = callsOf([entry(2), entry(1), entry(3, "boot")]);
    expect(calls).toEqual([
      {
        stream: "manager",
        events: [
          { atMs: 1, text: "at 1" },
          { atMs: 2, text: "at 2" },
        ],
      },
      { stream: "boot", events: [{ atMs: 3, text: "at 3" }] },
    ]);
  });

  test("less than 24 hours, and no entry longer than CloudWatch takes", () => {
    const calls = callsOf([
      entry(0),
      entry(day),
      entry(day + 1),
      entry(5 * day, "manager", "x".repeat(100_000)),
    ]);
    expect(calls.map(({ events }) => events.map(({ atMs }) => atMs))).toEqual([
      [0],
      [day, day + 1],
      [5 * day],
    ]);
    expect(calls[2]!.events[0]!.text).toHaveLength(60_000);
  });
});

describe("the updater", () => {
  let rig: UpdaterRig;
  beforeEach(async () => {
    rig = await makeUpdaterRig();
    rig.up("one");
    await rig.begin();
    await rig.turn(45_000);
  });
  afterEach(() => rig.stop());
  /** Passes go on until it holds: the log is sent beside them. */
  const soon = (holds: () => void) =>
    vi.waitFor(
      async () => {
        await rig.turn(20_000);
        holds();
      },
      { timeout: 20_000, interval: 1 },
    );
  const texts = () => rig.logged.flatMap((one) => one.texts);
  const problem = () => rig.status()!.problem ?? "none";

  test("sends what was said, once", async () => {
    rig.journal.push(line("one"), line("two"));
    await soon(() => expect(texts()).toEqual(["one", "two"]));
    expect(rig.logged[0]).toMatchObject({ group: "the-group", stream: "manager" });
    rig.journal.push(line("three"));
    await soon(() => expect(texts()).toEqual(["one", "two", "three"]));
  });

  test("keeps a secret on the machine, should one ever be said", async () => {
    rig.parameters.set("/token", "-----BEGIN KEY-----\nAAAA+BBBB/CCCC=\n");
    await rig.turn(360_000);
    rig.journal.push(line('{"error":"bad key -----BEGIN KEY-----\\nAAAA+BBBB/CCCC=\\n"}'));
    await soon(() => expect(texts()).toHaveLength(1));
    expect(texts()[0]).toContain("bad key ***");
    expect(texts()[0]).not.toContain("AAAA");
  });

  test("says in its status what keeps the log from CloudWatch, goes on with everything else, and sends it later", async () => {
    rig.faults.set("log", new Error("AccessDenied: logs:PutLogEvents"));
    rig.journal.push(line("one"));
    await soon(() => expect(problem()).toContain("logs:PutLogEvents"));
    rig.up("one", 9);
    await rig.turn(30_000);
    expect(rig.maxInSettings()).toBe(9);
    rig.faults.delete("log");
    await soon(() => expect([texts(), problem()]).toEqual([["one"], "none"]));
  });

  test("begins again with this boot where journalctl does not take the cursor", async () => {
    rig.journal.push(line("one"));
    await soon(() => expect(texts()).toEqual(["one"]));
    rig.faults.set("journal", new ProgramFailed("journalctl: Failed to seek to cursor", 1));
    await soon(() => expect(problem()).toContain("seek to cursor"));
    rig.faults.delete("journal");
    await soon(() => expect([texts(), problem()]).toEqual([["one", "one"], "none"]));
  });
});
