/**
 * A copy of the checkout for the `start` tier: it must not end a stack that somebody keeps up in the checkout itself, and
 * shows which files `npm start` touches.
 */
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, readdir, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import type { Copy } from "./run.ts";

/** What git does not track: packages, everything that a stack makes, and its settings with the salt of this checkout. */
const untracked = new Set([".git", "node_modules", ".muster", "Pulumi.local.yaml"]);

const topOf = (path: string) => path.split(sep)[0] ?? "";

/** SHA-256 of every file that git would see, by path from the root. */
const snapshot = async (root: string): Promise<ReadonlyMap<string, string>> => {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !untracked.has(topOf(path)));
  const hash = async (path: string) =>
    createHash("sha256")
      .update(await readFile(join(root, path)))
      .digest("hex");
  return new Map(await Promise.all(files.map(async (path) => [path, await hash(path)] as const)));
};

/** Paths that are new, gone or different. */
export const differences = (
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] =>
  [...new Set([...before.keys(), ...after.keys()])]
    .filter((path) => before.get(path) !== after.get(path))
    .toSorted();

/**
 * Copies what git would track (and is not yet committed) into a folder of its own below the system's temporary folder;
 * the packages are linked, not copied.
 * @param root absolute path of the checkout
 */
export const copyCheckout = async (root: string): Promise<Copy> => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "muster-start-")));
  await cp(root, directory, {
    recursive: true,
    filter: (source) => !untracked.has(topOf(relative(root, source))),
  });
  await symlink(join(root, "node_modules"), join(directory, "node_modules"));
  const before = await snapshot(directory);
  return {
    directory,
    changes: async () => differences(before, await snapshot(directory)),
    remove: () => rm(directory, { recursive: true, force: true }),
  };
};
