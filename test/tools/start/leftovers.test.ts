import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  countsOf,
  directoriesOf,
  isClean,
  leftoverLines,
  type Leftovers,
} from "../../../tools/start/leftovers.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-leftovers-"));
});
afterAll(() => rm(root, { recursive: true }));

const none: Leftovers = { processes: [], directories: [], runners: [], scaleSets: [] };

describe("what is left of a stack", () => {
  it("are the manager's folder and one for each machine", async () => {
    const folder = join(root, "local");
    expect(await directoriesOf(folder)).toEqual([]);
    await mkdir(join(folder, "machines/m1"), { recursive: true });
    expect(await directoriesOf(folder)).toEqual([folder, join(folder, "machines/m1")]);
  });

  it("is a list of zeros when nothing is", () => {
    expect(isClean(countsOf(none))).toBe(true);
    expect(leftoverLines(none, "cure").map((line) => line.trim())).toEqual([
      "0 processes",
      "0 directories",
      "0 runner records at GitHub",
      "0 scale sets at GitHub",
    ]);
  });

  it("is named with the cure when something is", () => {
    const left = {
      ...none,
      processes: [{ pid: 71, startTime: 5, command: "node agent.mjs" }],
      scaleSets: ["a", "b"],
    };
    expect(countsOf(left)).toEqual({ processes: 1, directories: 0, runners: 0, scaleSets: 2 });
    expect(isClean(countsOf(left))).toBe(false);
    const text = leftoverLines(left, "the cure").join("\n");
    expect(text).toContain("1 processes\n        71 node agent.mjs");
    expect(text).toMatch(/the cure$/);
  });
});
