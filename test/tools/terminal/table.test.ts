import { describe, expect, it } from "vitest";
import { duration, shorten, table, width } from "../../../tools/terminal/table.ts";

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
