import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { terminalOf } from "../../../agent/cli/terminal.ts";
import { duration, safe, shorten, table, width, wrap } from "../../../agent/cli/table.ts";

const red = (text: string) => `${String.fromCodePoint(27)}[31m${text}${String.fromCodePoint(27)}[39m`;

describe("a table", () => {
  it("aligns its columns and ends no line in blanks", () => {
    const columns = [{ title: "job" }, { title: "wait", align: "right" as const }, { title: "note" }];
    expect(
      table(columns, [
        ["build", "1.0 s", "slow"],
        ["a", "12 s", ""],
      ]),
    ).toEqual(["job     wait  note", "build  1.0 s  slow", "a       12 s"]);
  });

  it("gives colours no room", () => {
    expect(width(red("abc"))).toBe(3);
    const [, first, second] = table(
      [{ title: "job" }, { title: "x" }],
      [
        [red("abcd"), "1"],
        ["abcd", "1"],
      ],
    );
    expect(first).toBe(`${red("abcd")}  1`);
    expect(second).toBe("abcd  1");
  });
});

describe("a table on a narrow terminal", () => {
  const columns = [{ title: "job" }, { title: "why it waits", gives: true }, { title: "machine" }];
  const rows = [["build", "the pool is at its max of 2 machines; a larger max would start more", "m-1"]];

  it("cuts the column that gives, and no other, while that is enough", () => {
    const lines = table(columns, rows, { columns: 40 });
    expect(lines).toEqual([
      "job    why it waits              machine",
      "build  the pool is at its max…   m-1",
    ]);
  });

  it.each([20, 40, 80, 200])("keeps every line within %d columns where the titles allow it", (room) => {
    const lines = table(columns, [["x".repeat(90), "y".repeat(90), "z".repeat(90)]], { columns: room });
    const least = 8 + 12 + 8 + 4;
    for (const line of lines) expect(width(line)).toBeLessThanOrEqual(Math.max(room, least));
  });

  it("counts wide characters as two columns", () => {
    expect([width("日本"), width("é"), width("🚀"), width("e\u0301")]).toEqual([4, 1, 2, 1]);
    expect(shorten("日本語です", 5)).toBe("日本…");
  });
});

describe("strings of others", () => {
  it("never bring an escape, a new line or a change of direction to the terminal", () => {
    const unit = fc.constantFrom("a", "\u001b", "\n", "\r", "\u202e", "\u0007", "\u009b", "[2J", " ");
    fc.assert(
      fc.property(
        fc.array(unit).map((parts) => parts.join("")),
        (text) => {
          expect(safe(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
        },
      ),
    );
  });
});

describe("wrapped text", () => {
  it("breaks at blanks and keeps long words whole", () => {
    expect(wrap("one two three https://example.com/a/long/address end", 12, "  ")).toEqual([
      "one two",
      "  three",
      "  https://example.com/a/long/address",
      "  end",
    ]);
  });
});

describe("colours", () => {
  const paint = (isTTY: boolean, env: Record<string, string>) =>
    terminalOf({ isTTY, columns: 80, write: () => {} }, env).paint("bad", "x");
  it("are for a terminal only", () => {
    expect(paint(true, {})).not.toBe("x");
    expect(paint(false, {})).toBe("x");
  });
  it("are left out where NO_COLOR is set or the terminal is dumb", () => {
    expect(paint(true, { NO_COLOR: "1" })).toBe("x");
    expect(paint(true, { TERM: "dumb" })).toBe("x");
  });
  it("come to a file when they are forced", () => expect(paint(false, { FORCE_COLOR: "1" })).not.toBe("x"));
});

describe("a duration", () => {
  it.each([
    [0, "0.0 s"],
    [-5, "0.0 s"],
    [940, "0.9 s"],
    [9_949, "9.9 s"],
    [9_951, "10 s"],
    [59_400, "59 s"],
    [59_600, "1 min 00 s"],
    [245_000, "4 min 05 s"],
    [11_400_000, "3 h 10 min"],
    [187_200_000, "2 d 4 h"],
  ])("of %d ms reads %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});

describe("shortening", () => {
  it("keeps what fits and marks what is gone", () => {
    expect(shorten("build", 5)).toBe("build");
    expect(shorten("building", 5)).toBe("buil…");
  });
});
