import { expect, test } from "vitest";
import { expandMatrix, suffix } from "./matrix.ts";

test("a matrix is the product of its lists, the last list running fastest", () => {
  expect(expandMatrix({ os: ["a", "b"], node: [20, 24] })).toEqual([
    { os: "a", node: 20 },
    { os: "a", node: 24 },
    { os: "b", node: 20 },
    { os: "b", node: 24 },
  ]);
});

test("include extends and adds combinations as in GitHub's documentation", () => {
  const matrix = {
    fruit: ["apple", "pear"],
    animal: ["cat", "dog"],
    include: [
      { color: "green" },
      { color: "pink", animal: "cat" },
      { fruit: "apple", shape: "circle" },
      { fruit: "banana" },
      { fruit: "banana", animal: "cat" },
    ],
  };
  expect(expandMatrix(matrix)).toEqual([
    { fruit: "apple", animal: "cat", color: "pink", shape: "circle" },
    { fruit: "apple", animal: "dog", color: "green", shape: "circle" },
    { fruit: "pear", animal: "cat", color: "pink" },
    { fruit: "pear", animal: "dog", color: "green" },
    { fruit: "banana" },
    { fruit: "banana", animal: "cat" },
  ]);
});

test("exclude takes out what fits it in part", () => {
  const matrix = {
    os: ["linux", "mac"],
    node: [20, 24],
    exclude: [{ os: "mac" }, { os: "linux", node: 20 }],
  };
  expect(expandMatrix(matrix)).toEqual([{ os: "linux", node: 24 }]);
});

test("a matrix of include alone has one combination an entry", () => {
  expect(expandMatrix({ include: [{ name: "types" }, { name: "lint" }] })).toEqual([
    { name: "types" },
    { name: "lint" },
  ]);
});

test("a matrix that is no mapping of lists, or is empty, is refused with what was given", () => {
  expect(() => expandMatrix("no")).toThrow('strategy.matrix is "no"; it must be a mapping');
  expect(() => expandMatrix({ os: "linux" })).toThrow('matrix.os is "linux"; it must be a list');
  expect(() => expandMatrix({ include: [1] })).toThrow(
    "matrix.include is [1]; it must be a list of mappings",
  );
  expect(() => expandMatrix({ os: ["a"], exclude: [{ os: "a" }] })).toThrow("no combination left");
});

test("a combination's values follow the name in brackets, nested ones too", () => {
  expect(suffix({ os: "linux", node: 24, extra: { gpu: true } })).toBe(" (linux, 24, true)");
  expect(suffix({})).toBe("");
});
