/** The manager's folder on this computer: what lies where, and how it is written. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { claim, type StackName } from "./marker.ts";
import { parseProcessId, type ProcessId } from "./process.ts";

export { writeAtomic } from "./write-atomic.ts";

export const folder = (directory: string) => ({
  directory,
  settings: join(directory, "settings.json"),
  /** 0600; the supervisor takes it away when it starts, and leaves it again only for one that follows at once. */
  secrets: join(directory, "secrets.json"),
  record: join(directory, "supervisor.json"),
  machines: join(directory, "machines"),
  logs: join(directory, "logs"),
  managerLog: join(directory, "logs/manager.log"),
  supervisorLog: join(directory, "logs/supervisor.log"),
});
export type Folder = ReturnType<typeof folder>;

export const sha256 = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex");

/**
 * Makes the folders, readable by their owner alone.
 * @param stack whose it is; null where that is not known
 * @throws FolderError when the folder is another stack's or holds anything else
 */
export const ensureFolder = async (directory: string, stack: StackName | null = null): Promise<Folder> => {
  await claim(directory, stack);
  const paths = folder(directory);
  for (const path of [paths.machines, paths.logs]) await mkdir(path, { recursive: true, mode: 0o700 });
  // The folder mostly lies in a checkout. Node asks the nearest package.json of which kind a script is: a job's
  // scripts must not be taken for ours.
  await writeFile(join(directory, "package.json"), "{}\n", { mode: 0o600 });
  return paths;
};

/** What the supervisor last wrote about itself; a file, since it must be found after a crash. */
export interface SupervisorRecord {
  supervisor: ProcessId;
  manager: (ProcessId & { bundle: string }) | null;
  /** Times the manager ended without being told to. */
  crashes: number;
}

/** `{pid, startTime, boot, ...}` in a JSON file; null when the file is missing or torn. */
export const readProcessId = async (file: string): Promise<ProcessId | null> => {
  try {
    return parseProcessId(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return null;
  }
};

/** Null when there is none or it cannot be read. */
export const readRecord = async (paths: Folder): Promise<SupervisorRecord | null> => {
  try {
    const record = JSON.parse(await readFile(paths.record, "utf8")) as SupervisorRecord;
    const supervisor = parseProcessId(record.supervisor);
    const manager = parseProcessId(record.manager);
    const bundle = record.manager?.bundle ?? "";
    return supervisor && { supervisor, manager: manager && { ...manager, bundle }, crashes: record.crashes };
  } catch {
    return null;
  }
};

/** The secrets as they were left for the supervisor, and removes them; null when there are none. */
export const takeSecrets = async (paths: Folder): Promise<string | null> => {
  const text = await readFile(paths.secrets, "utf8").catch(() => null);
  if (text !== null) await rm(paths.secrets, { force: true });
  return text;
};
