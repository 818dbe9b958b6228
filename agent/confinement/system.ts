/** What a job's view is made from: which paths this computer has, and what is mounted where. */
import { lstatSync, readFileSync, readlinkSync, realpathSync } from "node:fs";

export type PathKind = "folder" | "file" | "link" | "other";

export interface MountPoint {
  path: string;
  /** Options of the mount itself, such as nosuid. */
  options: readonly string[];
}

export interface System {
  /** Null when there is none, or it may not be seen. Links are not followed. */
  kind(path: string): PathKind | null;
  link(path: string): string;
  /** Null when it leads nowhere. */
  real(path: string): string | null;
  mounts: readonly MountPoint[];
}

const unescape = (text: string) =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));

/** /proc/self/mountinfo (proc_pid_mountinfo(5)): field 5 is the mount point, field 6 the mount's own options. */
export const parseMounts = (mountinfo: string): MountPoint[] =>
  mountinfo
    .split("\n")
    .filter(Boolean)
    .map((line) => line.split(" "))
    .map((fields) => ({ path: unescape(fields[4] ?? ""), options: (fields[5] ?? "").split(",") }));

export const realSystem = (): System => ({
  kind: (path) => {
    try {
      const found = lstatSync(path);
      if (found.isSymbolicLink()) return "link";
      return found.isDirectory() ? "folder" : found.isFile() ? "file" : "other";
    } catch {
      return null;
    }
  },
  link: (path) => readlinkSync(path),
  real: (path) => {
    try {
      return realpathSync(path);
    } catch {
      return null;
    }
  },
  mounts: parseMounts(readFileSync("/proc/self/mountinfo", "utf8")),
});
