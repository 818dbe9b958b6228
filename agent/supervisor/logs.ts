/** Bounded logs: files that are appended to, copied aside and emptied when they grow. */
import { copyFile, open, rm, stat, truncate, type FileHandle } from "node:fs/promises";

const bytesMax = 4 * 1024 * 1024;

/**
 * Keeps one old copy beside the file. The writers go on with the same descriptor (opened for appending), so a log
 * outlives the supervisor; a few lines written between copy and truncate may be lost. Where the disk has no room for a
 * copy the log is emptied all the same.
 */
export const rotate = async (file: string, max = bytesMax): Promise<void> => {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= max) return;
  try {
    await copyFile(file, `${file}.1`);
  } catch {
    // The disk is full, perhaps of these: half a copy helps nobody.
    await rm(`${file}.1`, { force: true });
    await copyFile(file, `${file}.1`).catch(() => rm(`${file}.1`, { force: true }));
  }
  await truncate(file, 0);
};

/** For a child's stdout and stderr. */
export const openLog = (file: string): Promise<FileHandle> => open(file, "a", 0o600);

/** The last lines of a log, for an error message; empty when there is none. */
export const tail = async (file: string, lines = 15): Promise<string> => {
  const bytes = 16 * 1024;
  const handle = await open(file, "r").catch(() => null);
  if (!handle) return "";
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(bytes),
      position: Math.max(0, size - bytes),
    });
    return buffer.toString("utf8", 0, bytesRead).trimEnd().split("\n").slice(-lines).join("\n");
  } finally {
    await handle.close();
  }
};
