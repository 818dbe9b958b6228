/** A machine's place for one job at a time: the runner's own root, a home and a folder for temporary files. */
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { buildView, type BuiltView } from "../confinement/build.ts";
import { inside, jobUid, jobUser } from "../confinement/kind.ts";
import { killAll, machineProcesses } from "../machine-processes.ts";
import type { ConfinementOrder } from "../protocol.ts";
import { removeTree } from "../remove-tree.ts";
import type { Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";
import { linkTree } from "./tree.ts";

/** Where the job finds things, by its own paths. */
interface Seen {
  root: string;
  home: string;
  tmp: string;
  /** Null: the agent's own. */
  user: string | null;
}

export interface Slot {
  machine: string;
  /** The machine's folder. */
  directory: string;
  /** The runner's root: bin/, externals/, _work/, _diag/. */
  root: string;
  home: string;
  tmp: string;
  /** /var/tmp of a confined job. */
  varTmp: string;
  /** What a confined job's / is made of. */
  view: string;
  logs: string;
  /** Null: jobs are processes of the agent's user. */
  confinement: ConfinementOrder | null;
  seen: Seen;
}

export const slotOf = (
  machine: string,
  directory: string,
  confinement: ConfinementOrder | null = null,
): Slot => {
  const [root, home, tmp] = [join(directory, "runner"), join(directory, "home"), join(directory, "tmp")];
  return {
    machine,
    directory,
    root,
    home,
    tmp,
    varTmp: join(directory, "var-tmp"),
    view: join(directory, "view"),
    logs: join(directory, "logs"),
    confinement,
    seen: confinement === null ? { root, home, tmp, user: null } : { ...inside, user: jobUser },
  };
};

const placesOf = (slot: Slot) => [slot.root, slot.home, slot.tmp, slot.varTmp, slot.view];

/** An agent before this one filled it, wholly or in part. */
export const isUsed = (slot: Slot): boolean => placesOf(slot).some((place) => existsSync(place));

/** How the job of a filled slot is confined; null: not at all. */
export interface Cell {
  kind: ConfinementOrder["kind"];
  uid: number;
  view: BuiltView;
}

/**
 * @param unpacked folder of the unpacked runner archive
 * @param life counts the jobs of this machine
 */
export function fillSlot(slot: Slot, unpacked: string, life: number): Cell | null {
  mkdirSync(slot.logs, { recursive: true, mode: 0o700 });
  for (const folder of [slot.home, slot.tmp, slot.varTmp]) mkdirSync(folder, { mode: 0o700 });
  const { confinement } = slot;
  const sameUser = confinement?.kind === "user-namespace";
  // The files in it are the job's user's own where that is ours: it could give itself the right to write to them.
  linkTree(unpacked, slot.root, sameUser ? "copy" : "link");
  if (confinement === null) return null;
  const { kind, view } = confinement;
  const uid = jobUid(kind, process.pid, life);
  for (const folder of [slot.tmp, slot.varTmp]) chmodSync(folder, 0o1777);
  const writable = [slot.root, slot.home, slot.tmp, slot.varTmp];
  if (!sameUser) for (const folder of writable) chownSync(folder, uid, uid);
  // Files of root are safe from another user; the same user's folders must not be written to.
  const shared = sameUser ? foldersOf(slot.root) : [];
  return { kind, uid, view: buildView(slot.view, uid, view, slot, shared) };
}

const foldersOf = (path: string) =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name);

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
  const places = placesOf(slot);
  for (const place of places) await removeTree(place);
  const kept = places.filter((place) => existsSync(place));
  if (kept.length > 0) throw new Error(`cannot be removed: ${kept.join(", ")}`);
}
