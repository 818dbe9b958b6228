import { expect, test } from "vitest";
import { evaluate, evaluateText, holds, hostFunction, interpolate } from "./evaluate.ts";

const contexts = {
  github: { ref: "refs/heads/main", n: 3, ok: true, none: null },
  matrix: { os: ["a", "b"] },
};

test("text keeps its words and gets its expressions' values, as GitHub writes them", () => {
  expect(
    interpolate("on ${{ github.ref }}: ${{ github.n }} ${{github.ok}}${{ github.none }}.", contexts),
  ).toBe("on refs/heads/main: 3 true.");
});

test("braces in quotes do not end an expression", () => {
  expect(interpolate("${{ format('{0} }} it''s', github.n) }}!", contexts)).toBe("3 } it's!");
});

test("one expression alone keeps its type, text around it makes a string", () => {
  expect(evaluateText("${{ matrix.os }}", contexts)).toEqual(["a", "b"]);
  expect(evaluateText(" ${{ github.ok }} ", contexts)).toBe(true);
  expect(evaluateText("a ${{ github.n }}", contexts)).toBe("a 3");
  expect(evaluateText("${{ github.n }}${{ github.n }}", contexts)).toBe("33");
});

test("an `if` is what the library calls truthy", () => {
  expect(holds("github.n == 3 && github.ok", contexts)).toBe(true);
  expect(holds("github.none || ''", contexts)).toBe(false);
});

test("functions of the host get and give plain JSON", () => {
  const join = hostFunction("glue", 2, ([list, by]) => (list as string[]).join(by as string));
  expect(evaluate("glue(matrix.os, '+')", contexts, [join])).toBe("a+b");
});

test("an unknown context or function is an error that names the expression", () => {
  expect(() => evaluate("secrets.X", contexts)).toThrow("${{ secrets.X }}");
  expect(() => evaluate("nothing()", contexts)).toThrow("${{ nothing() }}");
});
