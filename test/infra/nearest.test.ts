import { expect, test } from "vitest";
import { nearest } from "../../infra/nearest.ts";

test.each([
  ["maks", ["max", "minIdle"], "max"],
  ["lables", ["labels", "max"], "labels"],
  ["IDLETIMEOUT", ["idleTimeout"], "idleTimeout"],
  ["zebra", ["max", "labels"], null],
  ["x", [], null],
])("%s among %j is %s", (given, names, expected) => {
  expect(nearest(given, names)).toBe(expected);
});
