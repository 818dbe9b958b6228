import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkoutReads } from "../../../tools/start/reads.ts";

let root = "";
beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "muster-reads-test-")));
  await mkdir(join(root, "node_modules"));
  await writeFile(join(root, "package.json"), "{}");
});
afterAll(() => rm(root, { recursive: true }));
const modes = async (folder: number, file: number) => {
  await chmod(root, folder);
  await chmod(join(root, "package.json"), file);
};

describe("what jobs of the simulator read", () => {
  it("is the checkout, its packages and the Node that runs this", async () => {
    await modes(0o755, 0o644);
    const reads = await checkoutReads(root, 0);
    expect(reads).toEqual(expect.arrayContaining([root, join(root, "node_modules")]));
  });

  it.each([
    ["a folder", 0o700, 0o644],
    ["files", 0o755, 0o600],
  ])(
    "must be open to others where jobs have a user id of their own: %s that only root reads",
    async (...is) => {
      await modes(is[1], is[2]);
      await expect(checkoutReads(root, 0)).rejects.toMatchObject({
        message: expect.stringContaining("a user id of their own, which may not read"),
        cure: expect.stringContaining(`chmod -R o+rX ${root}`),
      });
    },
  );

  it("may be a plain user's own, whose jobs read as that user does", async () => {
    await modes(0o700, 0o600);
    expect(await checkoutReads(root, 1000)).toContain(root);
  });
});
