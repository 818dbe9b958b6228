import { describe, expect, it } from "vitest";
import { makeScreen } from "../../../tools/terminal/screen.ts";

/** A terminal of a few lines, as far as makeScreen uses one. */
const terminal = (isTTY: boolean) => {
  let lines = [""];
  const write = (text: string) => {
    const escape = String.fromCodePoint(27);
    for (const part of text.split(new RegExp(`(${escape}\\[\\d+[AJ]|\\n)`))) {
      const up = new RegExp(`^${escape}\\[(\\d+)A$`).exec(part);
      if (part === "\n") lines.push("");
      else if (up) lines = [...lines.slice(0, lines.length - 1 - Number(up[1])), ""];
      else if (!part.startsWith(escape)) lines[lines.length - 1] += part;
    }
  };
  return { output: { write, isTTY, rows: 10, columns: 40 }, shown: () => lines.slice(0, -1) };
};

describe("the screen", () => {
  it("draws over what it drew and keeps what it said above", () => {
    const { output, shown } = terminal(true);
    const screen = makeScreen(output);
    screen.say("engine found");
    screen.draw(["a", "b"]);
    screen.draw(["c"]);
    expect(shown()).toEqual(["engine found", "c"]);
    screen.say("stack up");
    expect(shown()).toEqual(["engine found", "stack up", "c"]);
    screen.clear();
    expect(shown()).toEqual(["engine found", "stack up"]);
  });

  it("prints only what stays where there is no terminal", () => {
    const { output, shown } = terminal(false);
    const screen = makeScreen(output);
    screen.draw(["a", "b"]);
    screen.say("engine found");
    screen.draw(["c"]);
    screen.clear();
    expect(shown()).toEqual(["engine found"]);
  });
});
