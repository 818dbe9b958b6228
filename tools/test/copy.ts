/**
 * A copy of the checkout for the `start` tier: it must not end a stack that somebody keeps up in the checkout itself, and
 * shows which files `npm start` touches.
 */
import { execFile } from "node:child_process";
import { appendFile, chmod, cp, mkdtemp, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { promisify } from "node:util";
import type { Copy } from "./run.ts";

/** Packages, everything that a stack makes, and its settings with the salt of this checkout. */
const left = new Set([".git", "node_modules", ".muster", "Pulumi.local.yaml"]);

const topOf = (path: string) => path.split(sep)[0] ?? "";

const run = promisify(execFile);
const gitIn = (directory: string) => async (args: readonly string[]) => {
  const who = ["-c", "user.name=muster", "-c", "user.email=muster@localhost", "-c", "commit.gpgsign=false"];
  const { stdout } = await run("git", ["-C", directory, ...who, ...args], { timeout: 60_000 });
  return stdout;
};

/**
 * Copies the sources, committed or not, into a git repository of their own below the system's temporary folder; the
 * packages are linked, not copied. Needs git.
 * @param root absolute path of the checkout
 */
export const copyCheckout = async (root: string): Promise<Copy> => {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "muster-start-")));
  const remove = () => rm(directory, { recursive: true, force: true });
  try {
    const filter = (source: string) => !left.has(topOf(relative(root, source)));
    await cp(root, directory, { recursive: true, filter });
    // As a clone would be: where jobs have a user id of their own, they read it as anybody may.
    await chmod(directory, 0o755);
    await symlink(join(root, "node_modules"), join(directory, "node_modules"));
    const git = gitIn(directory);
    await git(["init", "--quiet"]);
    // .gitignore speaks of a folder, and here it is a link.
    await appendFile(join(directory, ".git/info/exclude"), "node_modules\n");
    await git(["add", "--all"]);
    await git(["commit", "--quiet", "--message", "the checkout as it lies here"]);
    const status = async () =>
      (await git(["status", "--porcelain"])).split("\n").filter((line) => line !== "");
    return { directory, changes: status, remove };
  } catch (error) {
    await remove();
    throw error;
  }
};
