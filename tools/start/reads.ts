/** What jobs of the simulator read of this computer besides the system: what they check out, and its packages. */
import { realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { run } from "../engine/run.ts";
import { StartError } from "./errors.ts";

/** A work tree of another checkout has its history there. */
const history = async (root: string): Promise<string[]> => {
  const ran = await run("git", ["rev-parse", "--git-common-dir"], { cwd: root, limitMs: 10_000 });
  return ran.code === 0 ? [resolve(root, ran.stdout.trim())] : [];
};

/** As root every job gets a user id of its own: a checkout that only root may read is closed to it. */
const requireOpen = async (root: string): Promise<void> => {
  for (const [path, bits] of [
    [root, 0o005],
    [join(root, "package.json"), 0o004],
  ] as const) {
    const found = await stat(path).catch(() => null);
    if (found === null || (found.mode & bits) === bits) continue;
    throw new StartError(`jobs run under a user id of their own, which may not read ${path}`, {
      cure: `let others read the checkout: "chmod -R o+rX ${root}". Or run npm start as a plain user.`,
    });
  }
};

/**
 * @param root the checkout; its folder `.muster` is hidden all the same
 * @param uid of this process
 * @throws StartError when a job could not read the checkout
 */
export const checkoutReads = async (root: string, uid = process.getuid?.()): Promise<string[]> => {
  if (uid === 0) await requireOpen(root);
  const packages = await realpath(join(root, "node_modules")).catch(() => null);
  // The stand-in runner's Node is the one that runs this.
  const all = [root, packages, dirname(process.execPath), ...(await history(root))];
  return [...new Set(all.filter((path) => path !== null))];
};
