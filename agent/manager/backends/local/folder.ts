/** A machine of this computer as a folder: what lies where, and how it is made so that a crash leaves it whole or not at all. */
import { mkdir, readFile, readdir, rename, rm, rmdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";
import type { LaunchFile } from "../../../protocol.ts";
import { parseProcessId, type ProcessId } from "../../../supervisor/process.ts";

export const machineFolder = (machines: string, id: string) => {
  const directory = join(machines, id);
  return {
    id,
    directory,
    /** Whose it is; written before the agent starts, removed last. */
    record: join(directory, "machine.json"),
    /** 0600, with the one-time token; the agent takes it away. */
    launch: join(directory, "launch.json"),
    /** {pid, startTime, boot} of the agent and of its runner. */
    agent: join(directory, "agent.json"),
    listener: join(directory, "listener.json"),
    logs: join(directory, "logs"),
    agentLog: join(directory, "logs/agent.log"),
  };
};
export type MachineFolder = ReturnType<typeof machineFolder>;

export const machineRecord = z.object({
  id: z.string(),
  pool: z.string(),
  launch: z.string(),
  offer: z.string(),
  startedMs: z.number(),
});
export type MachineRecord = z.infer<typeof machineRecord>;

/** Ids become file names. */
export const isFileName = (id: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id);

const errno = (error: unknown) => (error as NodeJS.ErrnoException).code;

const draftOf = (id: string) => `.${id}.new`;

/** The folder of all machines, without what a crash left half made or half removed. */
export async function makeMachinesFolder(machines: string): Promise<void> {
  await mkdir(machines, { recursive: true, mode: 0o700 });
  for (const name of await readdir(machines)) {
    if (/^\..*\.new$/.test(name)) await rm(join(machines, name), { recursive: true, force: true });
    else await rmdir(join(machines, name)).catch(() => {}); // all but empty ones stay
  }
}

/** Makes the folder in one step; false when it was there before. */
export async function makeFolder(
  folder: MachineFolder,
  record: MachineRecord,
  launch: LaunchFile,
): Promise<boolean> {
  if (await readRecord(folder)) return false;
  const draft = machineFolder(dirname(folder.directory), draftOf(folder.id));
  try {
    await mkdir(draft.logs, { recursive: true, mode: 0o700 });
    await writeFile(draft.record, `${JSON.stringify(record)}\n`, { mode: 0o600 });
    await writeFile(draft.launch, JSON.stringify(launch), { mode: 0o600 });
    await rename(draft.directory, folder.directory);
    return true;
  } catch (error) {
    await rm(draft.directory, { recursive: true, force: true });
    throw error;
  }
}

/** What a power failure tore, or a job wrote over: nobody's, so that the manager clears it away. */
const tornRecord = (id: string): MachineRecord => ({ id, pool: "", launch: "", offer: "", startedMs: 0 });
const torn = new Set(["EISDIR", "EACCES", "EPERM", "ELOOP"]);

/**
 * Null when there is none: the folder is being removed, or never was. One that is not what the manager wrote comes
 * with empty tags: it must not hide the other machines.
 *
 * @throws when reading fails for a reason that is not this file's own, such as too many open files
 */
export async function readRecord(folder: MachineFolder): Promise<MachineRecord | null> {
  let text: string;
  try {
    text = await readFile(folder.record, "utf8");
  } catch (error) {
    const code = errno(error) ?? "";
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    if (torn.has(code)) return tornRecord(folder.id);
    throw error;
  }
  try {
    return machineRecord.parse(JSON.parse(text));
  } catch {
    return tornRecord(folder.id);
  }
}

/** Null when the file is missing or torn. */
export async function readProcess(file: string): Promise<ProcessId | null> {
  try {
    return parseProcessId(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return null;
  }
}
