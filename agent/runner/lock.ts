/** One process at a time, among those of this computer. */
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { identify, isAlive, type ProcessId } from "../supervisor/process.ts";
import type { Clock } from "./deps.ts";

/**
 * Waits for the lock file and holds it while `work` runs. The file names its holder from its first moment (it is
 * linked into place), so the lock of a process that died is taken over. Two that take over at once may both hold it:
 * the work must stay correct then, only wasteful.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  signal: AbortSignal,
  clock: Clock,
): Promise<T> {
  const mine = `${file}.${process.pid}`;
  await writeFile(mine, JSON.stringify(identify(process.pid)));
  try {
    while (!(await acquired(mine, file))) {
      const holder = await holderOf(file);
      if (holder !== null && !isAlive(holder)) await rm(file, { force: true });
      else await clock.sleep(100, signal);
      signal.throwIfAborted();
    }
  } finally {
    await rm(mine, { force: true });
  }
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function acquired(mine: string, file: string): Promise<boolean> {
  try {
    await link(mine, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function holderOf(file: string): Promise<ProcessId | null> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as ProcessId;
  } catch {
    return null; // released between the two calls
  }
}
