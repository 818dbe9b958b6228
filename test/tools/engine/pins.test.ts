import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { engineVersion, isBelow } from "../../../tools/engine/pins.ts";

test("engine and SDK are of one version", async () => {
  const text = await readFile(join(import.meta.dirname, "../../../package.json"), "utf8");
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> };
  expect(dependencies["@pulumi/pulumi"]).toBe(engineVersion);
});

test.each([
  ["3.259.0", "3.259.0", false],
  ["3.258.9", "3.259.0", true],
  ["3.1000.0", "3.259.0", false],
  ["4.0.0", "3.259.0", false],
  ["2.999.0", "3.259.0", true],
  ["1.26.8", "1.26", false],
  ["1.9", "1.26", true],
  ["dev", "3.259.0", true],
])("%s below %s: %s", (version, minimum, below) => {
  expect(isBelow(version, minimum)).toBe(below);
});
