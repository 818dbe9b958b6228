import fc from "fast-check";
import { expect, test } from "vitest";
import { spoken } from "../../../agent/cli/deps.ts";
import { hostile } from "../manager/web/hostile.ts";

test("what is said to people is lines of visible text, whatever a manager or GitHub put into it", () => {
  fc.assert(
    fc.property(hostile, (text) => {
      const said = spoken(`runner ${text}: not removed\n  next`);
      expect(said).not.toMatch(/(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]|(?![\u200c\u200d])\p{Cf}/u);
      expect(said.split("\n").length).toBe(text.split("\n").length + 1);
    }),
  );
});

test("ordinary words are said as they are", () => {
  expect(spoken("draining: 2 machines are busy\n  größe 🚀")).toBe(
    "draining: 2 machines are busy\n  größe 🚀",
  );
});
