/** A machine's place for one job at a time: the runner's own root, a home and a folder for temporary files. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { killAll, machineProcesses } from "../machine-processes.ts";
import { removeTree } from "../remove-tree.ts";
import type { Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";
import { linkTree } from "./tree.ts";

export interface Slot {
  machine: string;
  /** The machine's folder. */
  directory: string;
  /** The runner's root: bin/, externals/, _work/, _diag/. */
  root: string;
  home: string;
  tmp: string;
  logs: string;
}

export const slotOf = (machine: string, directory: string): Slot => ({
  machine,
  directory,
  root: join(directory, "runner"),
  home: join(directory, "home"),
  tmp: join(directory, "tmp"),
  logs: join(directory, "logs"),
});

/** @param unpacked folder of the unpacked runner archive */
export function fillSlot(slot: Slot, unpacked: string): void {
  mkdirSync(slot.logs, { recursive: true, mode: 0o700 });
  mkdirSync(slot.home, { mode: 0o700 });
  mkdirSync(slot.tmp, { mode: 0o700 });
  linkTree(unpacked, slot.root);
}

/**
 * Removes everything that a job can have left: processes, work, home, temporary files, the registration's
 * credentials, and the runner itself, which is linked anew.
 *
 * @throws when anything is still there afterwards: such a slot must not serve another job
 */
export async function emptySlot(slot: Slot, limits: Limits, { clock }: Deps): Promise<void> {
  const folders = new Map([[slot.machine, slot.directory]]);
  const left = await killAll(() => machineProcesses(folders).get(slot.machine) ?? [], limits.killMs, clock);
  if (left.length > 0)
    throw new Error(`processes of the job cannot be killed: ${left.map(({ pid }) => pid).join(", ")}`);
  const places = [slot.root, slot.home, slot.tmp];
  for (const place of places) await removeTree(place);
  const kept = places.filter((place) => existsSync(place));
  if (kept.length > 0) throw new Error(`cannot be removed: ${kept.join(", ")}`);
}
