/** What Linux knows of processes: /proc, read as text. */
import { readFile, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

export interface Process {
  pid: number;
  parent: number;
  /** In clock ticks since boot; with the pid it names one process for ever, while a pid alone is used again. */
  startTicks: number;
  /** Working directory; null where it may not be read or the process is gone. */
  directory: string | null;
  /** Arguments, separated by blanks. */
  command: string;
}

/** The fields behind the command of /proc/PID/stat; the command may hold blanks and brackets (proc_pid_stat(5)). */
const statFields = (stat: string) => stat.slice(stat.lastIndexOf(")") + 2).split(" ");

/** null for a zombie: it runs nothing and holds nothing, it only waits for its parent to ask how it ended. */
export const parseStat = (stat: string): Pick<Process, "parent" | "startTicks"> | null => {
  const fields = statFields(stat);
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return { parent: Number(fields[1]), startTicks: Number(fields[19]) };
};

const orNull = async <T>(reading: Promise<T>): Promise<T | null> => {
  try {
    return await reading;
  } catch {
    return null;
  }
};

/** A process by its pid; null when there is none (any more) or it is a zombie. */
export const processOf = async (pid: number, proc = "/proc"): Promise<Process | null> => {
  const folder = join(proc, String(pid));
  const stat = await orNull(readFile(join(folder, "stat"), "utf8"));
  const parsed = stat === null ? null : parseStat(stat);
  if (parsed === null) return null;
  const command = (await orNull(readFile(join(folder, "cmdline"), "utf8"))) ?? "";
  const directory = await orNull(readlink(join(folder, "cwd")));
  return { pid, ...parsed, directory, command: command.replaceAll("\0", " ").trim() };
};

/** Every process that we may look at. */
export const processes = async (proc = "/proc"): Promise<readonly Process[]> => {
  const pids = (await readdir(proc)).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(pids.map((pid) => processOf(Number(pid), proc)));
  return found.filter((process) => process !== null);
};

export const isRunning = async (pid: number): Promise<boolean> => (await processOf(pid)) !== null;

const isBelow = (path: string | null, folder: string): boolean =>
  path !== null && (path === folder || path.startsWith(`${folder}/`));

/** Those that work in `folder` or name something in it in their arguments, without the given ones. */
export const processesOf = (
  all: readonly Process[],
  folder: string,
  except: ReadonlySet<number> = new Set(),
): readonly Process[] =>
  all.filter(
    (process) =>
      !except.has(process.pid) &&
      (isBelow(process.directory, folder) ||
        process.command
          .split(" ")
          .some((argument) => argument.includes(`${folder}/`) || argument === folder)),
  );
