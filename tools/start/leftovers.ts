/** The proof that nothing is left: what is counted, and how it is told. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Outcome } from "./outcome.ts";
import { processesOf, type FoundProcess } from "./processes.ts";

export type Counts = Outcome["leftovers"];

export interface Leftovers {
  processes: readonly FoundProcess[];
  /** Paths. */
  directories: readonly string[];
  /** Names at GitHub. */
  runners: readonly string[];
  scaleSets: readonly string[];
}

/** The folders of a stack that stand: the manager's own and one for each machine. */
export const directoriesOf = async (managerFolder: string): Promise<readonly string[]> => {
  const stands = await stat(managerFolder).catch(() => null);
  if (stands === null) return [];
  const machines = join(managerFolder, "machines");
  const names = await readdir(machines).catch(() => []);
  return [managerFolder, ...names.map((name) => join(machines, name))];
};

/** Everything that a stack makes here lies in `.muster`; the engine's plugins run from the checkout itself. */
const foldersOf = (root: string) => [join(root, ".muster"), join(root, "test/engine/providers")];

export const localLeftovers = async (
  root: string,
  managerFolder: string,
): Promise<Pick<Leftovers, "processes" | "directories">> => ({
  processes: foldersOf(root).flatMap(processesOf),
  directories: await directoriesOf(managerFolder),
});

export const countsOf = (left: Leftovers): Counts => ({
  processes: left.processes.length,
  directories: left.directories.length,
  runners: left.runners.length,
  scaleSets: left.scaleSets.length,
});

export const isClean = (counts: Counts): boolean => Object.values(counts).every((count) => count === 0);

const named = (what: string, all: readonly string[]): string[] => [
  `  ${String(all.length).padStart(3)} ${what}`,
  ...all.slice(0, 10).map((name) => `        ${name}`),
];

/** A small list of zeros, or of what is left by name. */
export const leftoverLines = (left: Leftovers, manual: string): string[] => {
  const lines = [
    ...named(
      "processes",
      left.processes.map(({ pid, command }) => `${pid} ${command.slice(0, 100)}`),
    ),
    ...named("directories", left.directories),
    ...named("runner records at GitHub", left.runners),
    ...named("scale sets at GitHub", left.scaleSets),
  ];
  return isClean(countsOf(left)) ? lines : [...lines, manual];
};
