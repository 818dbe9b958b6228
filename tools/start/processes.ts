/** Processes that belong to a folder: what `npm start` must not leave behind. Linux (/proc). */
import { readFileSync } from "node:fs";
import { allProcesses, linkOf, type ProcessId } from "../../agent/supervisor/process.ts";

export interface FoundProcess extends ProcessId {
  /** Arguments, separated by blanks. */
  command: string;
}

const commandOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
};

const isIn = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/** Our own process and those that started it: a shell that stands in the folder is a person's, not ours. */
const ancestors = (all: readonly { pid: number; parent: number }[]): ReadonlySet<number> => {
  const parents = new Map(all.map((process) => [process.pid, process.parent]));
  const found = new Set<number>();
  for (
    let pid: number | undefined = process.pid;
    pid !== undefined && !found.has(pid);
    pid = parents.get(pid)
  )
    found.add(pid);
  return found;
};

/** The program that runs, and the script where the program is an interpreter. */
const programs = (command: string): readonly string[] => command.split(" ").slice(0, 2);

/**
 * Processes whose program lies in `folder`, and those that work in it or name something in it in their arguments. Not
 * this one and those above it; and a terminal's `less` or `cd` is a person's, not ours.
 */
export const processesOf = (folder: string): readonly FoundProcess[] => {
  const all = allProcesses();
  const above = ancestors(all);
  const belongs = (pid: number, command: string, terminal: number): boolean => {
    if (programs(command).some((path) => isIn(path, folder))) return true;
    return terminal === 0 && (isIn(linkOf(pid, "cwd"), folder) || command.includes(`${folder}/`));
  };
  return all
    .filter(({ pid }) => !above.has(pid))
    .map(({ pid, startTime, terminal }) => ({ pid, startTime, terminal, command: commandOf(pid) }))
    .filter(({ pid, command, terminal }) => belongs(pid, command, terminal))
    .map(({ pid, startTime, command }) => ({ pid, startTime, command }));
};
