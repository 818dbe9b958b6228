import { describe, expect, it } from "vitest";
import { EngineMissing, type Engine } from "../../../tools/engine/find.ts";
import { lacksEngine } from "../../../tools/test/engine.ts";

const engine: Engine = {
  directory: "/engine",
  hostDirectory: "/engine",
  version: "3.259.0",
  source: "cache",
  command: "stand-in",
  commandDirectory: "/providers",
};

describe("the engine of npm test", () => {
  it("says which engine it is, and when the command plugin is a stand-in", async () => {
    const lines: string[] = [];
    const line = (text: string) => lines.push(text);
    expect(await lacksEngine(line, () => Promise.resolve(engine))).toBeNull();
    expect(lines).toEqual(["engine: Pulumi 3.259.0 (cache, @pulumi/command through the stand-in plugin)"]);
  });

  it("is missing with the command that supplies it when none of the ways led to one", async () => {
    const reasons = { path: "no pulumi there", cache: "empty", download: "offline", build: "no Go" };
    const missing = await lacksEngine(
      () => {},
      () => Promise.reject(new EngineMissing(reasons)),
    );
    expect(missing?.why).toContain("no Go");
    expect(missing?.cure).toMatch(/^curl .*get\.pulumi\.com/);
  });

  it("passes on what went wrong otherwise", async () => {
    const broken = lacksEngine(
      () => {},
      () => Promise.reject(new Error("disk full")),
    );
    await expect(broken).rejects.toThrow("disk full");
  });
});
