import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { verdictOn } from "../../../agent/runner/exit-code.ts";
import { parseLine } from "../../../agent/runner/listener.ts";
import { makePauses } from "../../../agent/runner/pauses.ts";
import { makeStatus } from "../../../agent/runner/status.ts";
import { parseCpu, parseMemory } from "../../../agent/runner/usage.ts";
import { syncRequest } from "../../../agent/protocol.ts";
import { program } from "./agents.ts";

describe("a line of the Listener", () => {
  it.each([
    ["2026-11-24 01:02:03Z: Listening for Jobs", { is: "listening" }],
    ["Listening for Jobs", { is: "listening" }],
    ["2026-11-24 01:02:03Z: Running job: build (arm64, 24)", { is: "running", job: "build (arm64, 24)" }],
    [
      "2026-11-24 01:02:03Z: Job a: b completed with result: Failed",
      { is: "completed", job: "a: b", result: "Failed" },
    ],
    ["√ Connected to GitHub", null],
    ["an echo of Running job: x", null],
  ])("%s", (line, expected) => {
    expect(parseLine(line)).toEqual(expected);
  });
});

describe("what a machine says of itself", () => {
  it("is short enough for the manager, whatever the lines were from which it was read", () => {
    const status = makeStatus();
    const long = "x".repeat(16_000);
    status.set({ job: long, problem: long, lastLife: { life: 1, code: 0, ranJob: true, result: long } });
    const report = { protocol: 2, sequence: 1, ...status.get(), usage: null };
    expect(syncRequest.safeParse(report)).toMatchObject({ success: true });
  });
});

describe("an exit code", () => {
  it("of a runner at its end has a problem unless it is 0", () => {
    expect(verdictOn(0)).toEqual({ then: "over", problem: null });
    for (const code of [1, 5, 7, 101, null]) expect(verdictOn(code)).toMatchObject({ then: "over" });
    for (const code of [1, 5, 7, 101, null]) expect(verdictOn(code)).not.toMatchObject({ problem: null });
  });
});

describe("pauses", () => {
  it("grow to a maximum, are jittered, and begin anew after a success", () => {
    const pauses = makePauses({ pauseFirstMs: 100, pauseMaxMs: 1_000 }, () => 0.5);
    expect([1, 2, 3, 4, 5, 6].map(() => pauses.next())).toEqual([75, 150, 300, 600, 750, 750]);
    pauses.reset();
    expect(pauses.next()).toBe(75);
    expect(pauses.next(5_000)).toBe(5_150);
  });
});

describe("usage", () => {
  it("counts waiting for the disk as idle", () => {
    const text = "cpu  10 20 30 400 50 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
    expect(parseCpu(text)).toEqual({ total: 531, idle: 450 });
  });
  it("counts as free what the kernel would give back", () => {
    const text = "MemTotal:        2048000 kB\nMemFree:   1 kB\nMemAvailable:    1024000 kB\n";
    expect(parseMemory(text)).toEqual({ usedMb: 1_000, totalMb: 2_000 });
  });
});

describe("the bundle", () => {
  it("stays below 64 KB: every machine fetches it", async () => {
    const { outputFiles } = await build({
      entryPoints: [program],
      bundle: true,
      minify: true,
      platform: "node",
      format: "esm",
      write: false,
    });
    expect(outputFiles[0]!.contents.length).toBeLessThan(64 * 1024);
  });
});
