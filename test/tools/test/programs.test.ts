import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cureFor, onPath } from "../../../tools/test/programs.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "muster-programs-"));
  await writeFile(join(folder, "zstd"), "#!/bin/sh\n", { mode: 0o755 });
  await writeFile(join(folder, "tar"), "not executable", { mode: 0o644 });
});
afterAll(() => rm(folder, { recursive: true }));

describe("a program that a tier needs", () => {
  it("is there when a folder of PATH has it as an executable file", async () => {
    expect(await onPath("zstd", `/nowhere:${folder}`)).toBe(true);
    expect(await onPath("tar", folder)).toBe(false);
    expect(await onPath("git", folder)).toBe(false);
    expect(await onPath("zstd", "")).toBe(false);
  });

  it("comes with the command that supplies it", () => {
    expect(cureFor("git")).toBe("sudo apt-get install -y git");
  });
});
