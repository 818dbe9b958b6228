/** Removing what jobs leave behind: on behalf of the agent, the local backend and the sweep. */
import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * Removes a tree, also one with folders that forbid it (Go's module cache). Succeeds when there is none.
 *
 * @throws when something in it belongs to another user
 */
export async function removeTree(path: string): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 3 };
  try {
    await rm(path, options);
  } catch {
    await unlockFolders(path);
    await rm(path, options);
  }
}

async function unlockFolders(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null);
  if (!found?.isDirectory()) return;
  await chmod(path, 0o700).catch(() => {}); // another user's: the removal itself says so
  for (const name of await readdir(path).catch(() => [])) await unlockFolders(join(path, name));
}
