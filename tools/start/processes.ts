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

/**
 * Processes that work in `folder` or name something in it in their arguments; not this one and those above it, nor
 * those of a terminal, which somebody else started.
 */
export const processesOf = (folder: string): readonly FoundProcess[] => {
  const all = allProcesses();
  const above = ancestors(all);
  return all
    .filter(({ pid, terminal }) => !above.has(pid) && terminal === 0)
    .map(({ pid, startTime }) => ({ pid, startTime, command: commandOf(pid) }))
    .filter(({ pid, command }) => isIn(linkOf(pid, "cwd"), folder) || command.includes(`${folder}/`));
};
