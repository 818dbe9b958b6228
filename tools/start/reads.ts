/** What jobs of the simulator read of this computer besides the system: what they check out, and its packages. */
import { realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { run } from "../engine/run.ts";

/** A work tree of another checkout has its history there. */
const history = async (root: string): Promise<string[]> => {
  const ran = await run("git", ["rev-parse", "--git-common-dir"], { cwd: root, limitMs: 10_000 });
  return ran.code === 0 ? [resolve(root, ran.stdout.trim())] : [];
};

/** @param root the checkout; its folder `.muster` is hidden all the same */
export const checkoutReads = async (root: string): Promise<string[]> => {
  const packages = await realpath(join(root, "node_modules")).catch(() => null);
  // The stand-in runner's Node is the one that runs this.
  const all = [root, packages, dirname(process.execPath), ...(await history(root))];
  return [...new Set(all.filter((path) => path !== null))];
};
