import { describe, expect, it } from "vitest";
import { testOptions, UsageError } from "../../../tools/test/options.ts";
import { tierNames } from "../../../tools/test/tiers.ts";

const files = [
  "test/infra/settings.test.ts",
  "test/chain/destroy.test.ts",
  "test/engine/destroy.test.ts",
  "test/tools/test/options.test.ts",
];
const parse = (...argv: string[]) => testOptions(argv, files);

describe("the command line of npm test", () => {
  it("runs every tier without arguments", () => {
    expect(parse()).toEqual({ tiers: tierNames, filters: [], install: false });
  });

  it("runs the named tiers in the order of the table, however they were typed", () => {
    expect(parse("engine", "types")?.tiers).toEqual(["types", "engine"]);
  });

  it("runs every tier that has a file of a filter", () => {
    expect(parse("destroy")).toEqual({ tiers: ["chain", "engine"], filters: ["destroy"], install: false });
    expect(parse("test/infra")?.tiers).toEqual(["unit"]);
  });

  it("hands filters to the tiers that were named, and only to those", () => {
    expect(parse("chain", "destroy")).toMatchObject({ tiers: ["chain"], filters: ["destroy"] });
  });

  it("takes a path as a shell completes it", () => {
    expect(parse("./test/infra/settings.test.ts")?.filters).toEqual(["test/infra/settings.test.ts"]);
  });

  it("allows installing only when asked to", () => {
    expect(parse("unit", "--install")?.install).toBe(true);
  });

  it("refuses a word that is neither a tier nor part of a path, and lists the tiers", () => {
    expect(() => parse("enigne")).toThrow(UsageError);
    expect(() => parse("enigne")).toThrow(
      /"enigne" is neither a tier[^]*types, lint, format, workflows, unit/,
    );
  });

  it("refuses an unknown option", () => {
    expect(() => parse("--watch")).toThrow(UsageError);
  });

  it("asks for nothing but help with --help", () => {
    expect(parse("--help")).toBeNull();
  });
});
