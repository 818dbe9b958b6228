// Goal: whatever GitHub or an agent says, a log line is one line of JSON that no terminal obeys; a full disk costs lines and
// nothing else. Method: hostile strings by property, a writer that refuses, and a real file system that is full.
import fc from "fast-check";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeLog } from "../../../agent/manager/log.ts";
import { mayMount, smallDisk } from "./small-disk.ts";
import { hostile } from "./web/hostile.ts";

const unseen = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|\p{Cf}/u;

/** What is written, and a switch that lets through only so many bytes. */
function kept() {
  let text = "";
  let room = Infinity;
  const log = makeLog((bytes) => {
    const part = bytes.subarray(0, Math.max(0, room));
    if (part.length === 0) throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
    room -= part.length;
    text += Buffer.from(part).toString("utf8");
    return part.length;
  });
  return { log, text: () => text, leave: (bytes: number) => void (room = bytes) };
}
const lines = (text: string) => text.split("\n").slice(0, -1);

describe("a line", () => {
  it("is one, forges none, and shows what would be obeyed or hidden; a reader gets the very string", () => {
    fc.assert(
      fc.property(hostile, (given) => {
        const { log, text } = kept();
        log.info({ job: given, nested: { name: given } }, given);
        log.error({ err: new Error(given) }, "failed");
        const all = lines(text());
        expect(all).toHaveLength(2);
        for (const line of all) expect(line).not.toMatch(unseen);
        const read = JSON.parse(all[0]!) as { job: string; nested: { name: string }; msg: string };
        // A half of a pair is no character: pino replaces it.
        const whole = given.toWellFormed();
        expect([read.job, read.nested.name, read.msg].map((each) => each.toWellFormed())).toEqual([
          whole,
          whole,
          whole,
        ]);
      }),
    );
  });

  it("hides what goes by a secret's name", () => {
    const { log, text } = kept();
    log.info({ request: { token: "t0p", authorization: "t0p", jitConfig: "t0p" } });
    expect(text()).not.toContain("t0p");
  });
});

describe("a log that cannot be written", () => {
  it("loses lines, goes on when there is room, and says how many there were", () => {
    const { log, text, leave } = kept();
    log.info("before");
    leave(0);
    log.info("lost");
    log.info("lost too");
    leave(Infinity);
    log.info("after");
    const read = lines(text()).map((line) => JSON.parse(line) as { msg: string; lines?: number });
    expect(read.map(({ msg }) => msg)).toEqual([
      "before",
      "after",
      "lines of this log were lost: they could not be written",
    ]);
    expect(read[2]!.lines).toBe(2);
  });

  it("begins a new line after one that was cut off", () => {
    const { log, text, leave } = kept();
    leave(10);
    log.info("cut");
    log.info("lost");
    leave(Infinity);
    log.info("whole");
    const [cut, ...rest] = lines(text());
    expect(cut).toHaveLength(10);
    expect(rest.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
      "whole",
      "lines of this log were lost: they could not be written",
    ]);
  });

  it("asks a slow reader of a pipe again", () => {
    let tries = 0;
    let text = "";
    const log = makeLog((bytes) => {
      if (++tries % 3 !== 0) throw Object.assign(new Error("later"), { code: "EAGAIN" });
      text += Buffer.from(bytes).toString();
      return bytes.length;
    });
    log.info("slow");
    expect(JSON.parse(text)).toMatchObject({ msg: "slow" });
  });

  it.skipIf(!mayMount)("on a disk that is really full (a file system of its own: needs root)", () => {
    const disk = smallDisk(2);
    const path = join(disk.directory, "manager.log");
    const file = openSync(path, "a");
    try {
      const log = makeLog((bytes) => writeSync(file, bytes));
      log.info("before");
      disk.fill();
      for (let n = 0; n < 500; n++) log.info({ n, filler: "x".repeat(200) }, "lost");
      disk.makeRoom();
      log.info("after");
      const read = lines(readFileSync(path, "utf8"));
      expect(read.at(-2)).toContain('"after"');
      expect(read.at(-1)).toMatch(/"lines":\d{2,3},/);
    } finally {
      closeSync(file);
      disk.remove();
    }
  });
});
