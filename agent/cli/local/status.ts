/** `muster local status`: what runs of this computer's manager. */
import { readConfinement } from "../../confinement/file.ts";
import type { Confinement } from "../../confinement/kind.ts";
import { folder, readRecord } from "../../supervisor/folder.ts";
import { isAlive } from "../../supervisor/process.ts";
import type { CliDeps } from "../deps.ts";
import { address, health } from "./health.ts";
import { readSettings } from "./settings.ts";

export interface LocalStatus {
  supervisor: number | null;
  manager: number | null;
  address: string | null;
  /** How jobs are kept apart, and why not better; null before the manager has tried. */
  confinement: Confinement | null;
  /** Null when it answers and is well. */
  problem: string | null;
}

export const status = async (directory: string, deps: CliDeps): Promise<LocalStatus> => {
  const paths = folder(directory);
  const [record, config] = [await readRecord(paths), await readSettings(paths)];
  const supervisor = isAlive(record?.supervisor) ? record.supervisor.pid : null;
  const manager = isAlive(record?.manager) ? record.manager.pid : null;
  const confinement = await readConfinement(directory);
  if (!config)
    return { supervisor, manager, address: null, confinement, problem: `${directory} has no settings` };
  const answer = await health(config, deps);
  const problem = "problem" in answer ? answer.problem : answer.ok ? null : "the manager is not well";
  const cure = supervisor === null ? `; "npm run pulumi -- up -s ${config.stack.name}" starts it` : "";
  return {
    supervisor,
    manager,
    address: address(config),
    confinement,
    problem: problem && `${problem}${cure}`,
  };
};
