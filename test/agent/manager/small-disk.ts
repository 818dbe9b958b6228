/** A file system that is small and really full when it is full. Needs root; CI has it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Nowhere else is a full disk to be had without harm to the computer; with CI set nothing is skipped. */
export const mayMount = process.getuid?.() === 0 || process.env["CI"] !== undefined;

export interface SmallDisk {
  directory: string;
  /** Bytes that a file could still take. */
  free(): number;
  /** Takes all that is left, or all but so many bytes, with a file of zeros; gives it back again. */
  fill(butBytes?: number): void;
  makeRoom(): void;
  remove(): void;
}

/** @throws with what mount said */
export function smallDisk(megabytes: number): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), "muster-disk-"));
  run("mount", "-t", "tmpfs", "-o", `size=${megabytes}m,mode=0700`, "muster-test", directory);
  const filler = join(directory, "somebody-elses-file");
  const free = () => {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  };
  return {
    directory,
    free,
    fill: (butBytes = 0) => {
      const bytes = free() - butBytes;
      if (bytes > 0) writeFileSync(filler, Buffer.alloc(bytes), { flag: "a" });
    },
    makeRoom: () => rmSync(filler, { force: true }),
    remove: () => {
      // Lazily: a process that a failed test left behind must not keep it.
      run("umount", "-l", directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function run(program: string, ...args: string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: "utf8", timeout: 10_000 });
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? stderr}`);
}
