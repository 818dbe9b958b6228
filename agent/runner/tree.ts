/** Trees of files: shared by hard links, protected. Synchronous where thousands of calls would each wait. */
import {
  chmodSync,
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";

/**
 * Makes `to` a tree like `from` whose files are the same files: hard links where the file system allows, else copies
 * (by reference where it can). Links, not one symbolic link, because the runner finds its root from the real path of
 * its program, and because container jobs mount externals/.
 *
 * @param top what becomes of the files that lie in `from` itself, not in a folder of it
 */
export function linkTree(from: string, to: string, top: "link" | "copy" = "link"): void {
  mkdirSync(to, { mode: 0o755 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else if (top === "copy") copyFileSync(source, target, constants.COPYFILE_FICLONE);
    else linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    // Another file system, too many links of one file, or a kernel that forbids links to files of others.
    if (!["EXDEV", "EMLINK", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) throw error;
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
  }
}

/** Takes write permission from every file: all machines share them, and a job should notice that it writes there. */
export function protect(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) protect(path);
    else if (entry.isFile()) chmodSync(path, lstatSync(path).mode & 0o555);
  }
}
