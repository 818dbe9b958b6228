import { access, mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyCheckout } from "../../../tools/test/copy.ts";

let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "muster-copy-test-"));
  for (const folder of ["infra", ".muster", "node_modules/zod"])
    await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, "infra/main.mjs"), "1");
  await writeFile(join(root, ".gitignore"), "node_modules/\n.muster/\nPulumi.local.yaml\n");
  await writeFile(join(root, ".muster/state"), "mine");
  await writeFile(join(root, "node_modules/zod/index.js"), "");
});
afterAll(() => rm(root, { recursive: true }));

describe("a copy of the checkout", () => {
  it("has the sources and the packages, and nothing of a stack", async () => {
    const copy = await copyCheckout(root);
    try {
      await access(join(copy.directory, "infra/main.mjs"));
      // Jobs with a user id of their own read it as anybody may.
      expect((await stat(copy.directory)).mode & 0o777).toBe(0o755);
      await access(join(copy.directory, "node_modules/zod/index.js"));
      await expect(access(join(copy.directory, ".muster"))).rejects.toThrow();
    } finally {
      await copy.remove();
    }
    await expect(access(copy.directory)).rejects.toThrow();
    await access(join(root, "node_modules/zod/index.js"));
  });

  it("names the files that a run changed, made or removed, and not those that git ignores", async () => {
    const copy = await copyCheckout(root);
    try {
      expect(await copy.changes()).toEqual([]);
      await writeFile(join(copy.directory, "Pulumi.local.yaml"), "salt");
      await mkdir(join(copy.directory, ".muster"));
      await writeFile(join(copy.directory, ".muster/state"), "made");
      expect(await copy.changes()).toEqual([]);
      await writeFile(join(copy.directory, "infra/main.mjs"), "2");
      await writeFile(join(copy.directory, "infra/new.ts"), "");
      expect(await copy.changes()).toEqual([" M infra/main.mjs", "?? infra/new.ts"]);
    } finally {
      await copy.remove();
    }
  });
});
