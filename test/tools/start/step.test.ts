import { describe, expect, it } from "vitest";
import { step } from "../../../tools/start/step.ts";
import { makeScreen } from "../../../tools/terminal/screen.ts";

const rig = (isTTY: boolean) => {
  const written: string[] = [];
  return { screen: makeScreen({ write: (text) => written.push(text), isTTY, columns: 60 }), written };
};

describe("a step", () => {
  it("shows on a terminal what it last said, with its age, and leaves no line of its own", async () => {
    const { screen, written } = rig(true);
    const answer = await step(screen, "engine", (note) => {
      note("building pulumi: 12 packages");
      return Promise.resolve(7);
    });
    expect(answer).toBe(7);
    expect(written.join("")).toMatch(/engine {5}building pulumi: 12 packages {2}\(\d\.\d s\)/);
    expect(written.at(-1)).not.toContain("building");
  });

  it("says something now and then in a log, and nothing when it is quick", async () => {
    const quick = rig(false);
    await step(quick.screen, "stack", () => Promise.resolve(null));
    expect(quick.written.join("")).toBe("");
    const slow = rig(false);
    const run = async (note: (text: string) => void) => {
      await expect.poll(() => slow.written.length).toBeGreaterThan(1);
      note("second");
    };
    await step(slow.screen, "stack", run, 0);
    expect(slow.written.join("")).toMatch(/^stack +\(\d\.\d s\)\n/);
    expect(slow.written.join("")).toMatch(/second {2}\(\d\.\d s\)\n$/);
  });

  it("passes on what failed, without a line that stays", async () => {
    const { screen, written } = rig(true);
    await expect(step(screen, "stack", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(written.join("")).not.toContain("no\n");
  });
});
