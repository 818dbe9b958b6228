/** One process at a time, among those of this computer. */
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { identify, isAlive, parseProcessId, type ProcessId } from "../supervisor/process.ts";
import type { Clock } from "./deps.ts";

/** Longer than any writer that is still at work would need. */
const tornMs = 3_000;

/**
 * Waits for the lock file and holds it while `work` runs. The file names its holder from its first moment (it is
 * linked into place), so the lock of a process that died is taken over, and so is one that names nobody for `tornMs`: a
 * power failure emptied it. Two that take over at once may both hold it: the work must stay correct then, only wasteful.
 */
export async function withLock<T>(
  file: string,
  work: () => Promise<T>,
  signal: AbortSignal,
  clock: Clock,
): Promise<T> {
  const mine = `${file}.${process.pid}`;
  await rm(mine, { force: true }); // of an earlier process with this pid: maybe the lock itself
  await writeFile(mine, JSON.stringify(identify(process.pid)));
  let tornSinceMs: number | null = null;
  try {
    while (!(await acquired(mine, file))) {
      const holder = await holderOf(file);
      tornSinceMs = holder === "torn" ? (tornSinceMs ?? clock.now()) : null;
      const stale =
        holder === "torn" ? clock.now() - tornSinceMs! >= tornMs : holder !== "released" && !isAlive(holder);
      if (stale) await rm(file, { force: true });
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

/** `released`: between the two calls. `torn`: it names no process. */
async function holderOf(file: string): Promise<ProcessId | "released" | "torn"> {
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null) return "released";
  try {
    return parseProcessId(JSON.parse(text)) ?? "torn";
  } catch {
    return "torn";
  }
}
