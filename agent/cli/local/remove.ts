/** Removing the manager's folder, as far as it can be removed. */
import { lstat, readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "../../remove-tree.ts";
import { markerOf } from "../../supervisor/marker.ts";
import type { Folder } from "../../supervisor/folder.ts";
import type { CliDeps } from "../deps.ts";

const attempts = 3;
const pauseMs = 200;
const namedMax = 10;

/** Up to ten paths that are still there, the innermost of each branch. */
const remaining = async (path: string): Promise<string[]> => {
  const names = await readdir(path).catch(() => []);
  const found: string[] = [];
  for (const name of names) {
    if (found.length >= namedMax) break;
    found.push(...(await remaining(join(path, name))));
  }
  return (found.length > 0 ? found : [path]).slice(0, namedMax);
};

/** Files before folders: secrets, journal and keys are files, and a folder may hold what cannot be removed. */
const contents = async (directory: string): Promise<string[]> => {
  const entries = await readdir(directory, { withFileTypes: true });
  const rank = (isFolder: boolean) => (isFolder ? 1 : 0);
  return entries
    .sort((a, b) => rank(a.isDirectory()) - rank(b.isDirectory()))
    .map(({ name }) => join(directory, name))
    .filter((path) => path !== markerOf(directory));
};

/**
 * Removes the folder, its marker last: what an interruption leaves is still known as ours. What belongs to another
 * user is named and stays; that is no failure, since no repetition would change it.
 */
export const removeFolder = async ({ directory }: Folder, deps: CliDeps): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    for (const path of await contents(directory)) await removeTree(path).catch(() => {});
    if ((await contents(directory)).length === 0) break;
    if (attempt < attempts) {
      await deps.clock.sleep(pauseMs);
      continue;
    }
    const left: string[] = [];
    for (const path of await contents(directory)) left.push(...(await remaining(path)));
    deps.say(
      `not all of ${directory} could be removed; remove by hand what is left (as its owner, or as root):`,
    );
    for (const path of left.slice(0, namedMax)) deps.say(`  ${path}`);
    return;
  }
  await rm(markerOf(directory), { force: true });
  await rmdir(directory).catch((error: Error) => deps.say(`${directory} stays, empty: ${error.message}`));
  deps.say(`removed ${directory}`);
};

/**
 * The sockets of the manager in a folder of their own, and that folder if nothing else is in it: it lies where others
 * may write, so nothing is removed that is not a socket in a real folder of ours.
 */
export const removeSockets = async (parent: string): Promise<void> => {
  const found = await lstat(parent).catch(() => null);
  if (!found?.isDirectory() || found.uid !== process.getuid?.()) return;
  for (const entry of await readdir(parent, { withFileTypes: true }).catch(() => []))
    if (entry.isSocket()) await rm(join(parent, entry.name), { force: true }).catch(() => {});
  await rmdir(parent).catch(() => {});
};
