/** Runner agents of this computer as processes, found without the manager. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { killAll, machineProcesses, sessionMembers } from "../../machine-processes.ts";
import { waitUntil } from "../../supervisor/deps.ts";
import { readProcessId, type Folder } from "../../supervisor/folder.ts";
import { processTable, signal, type ProcessId, type ProcessStat } from "../../supervisor/process.ts";
import type { CliDeps } from "../deps.ts";

export const machineLimits = {
  /**
   * An agent that is told to end interrupts its job and lets the runner report that to GitHub, which takes up to 25 s.
   * A runner that is killed instead stays at GitHub as busy for about ten minutes and cannot be deleted.
   */
  politeMs: 30_000,
  killedMs: 5_000,
};
export type MachineLimits = typeof machineLimits;
const sayMs = 5_000;

interface Machines {
  /** Machine id -> folder. */
  folders: ReadonlyMap<string, string>;
  agents: readonly ProcessId[];
  /** Agents and runners: each leads a session of its own. */
  leaders: readonly ProcessId[];
}

const readMachines = async (paths: Folder): Promise<Machines> => {
  const ids = await readdir(paths.machines).catch(() => []);
  const folders = new Map(ids.map((id) => [id, join(paths.machines, id)]));
  const read = (name: string) =>
    Promise.all([...folders.values()].map((folder) => readProcessId(join(folder, name))));
  const known = (found: (ProcessId | null)[]) => found.filter((id) => id !== null);
  const [agents, runners] = [known(await read("agent.json")), known(await read("listener.json"))];
  return { folders, agents, leaders: [...agents, ...runners] };
};

/** Everything that carries a machine's id, works in its folder, or is in a session of its agent or runner. */
const processesOf = ({ folders, leaders }: Machines): ProcessStat[] => {
  const found = new Map([...machineProcesses(folders).values()].flat().map((stat) => [stat.pid, stat]));
  const members = sessionMembers(leaders, processTable(), new Set(found.keys()));
  for (const stat of members) found.set(stat.pid, stat);
  return [...found.values()];
};

/** How many processes the folder's runner agents, their runners and jobs are. */
export const countProcesses = async (paths: Folder): Promise<number> =>
  processesOf(await readMachines(paths)).length;

/** Ends every runner agent of the folder with all that it started; how many processes there were. */
export const endMachines = async (
  paths: Folder,
  deps: CliDeps,
  limits: MachineLimits = machineLimits,
): Promise<number> => {
  const machines = await readMachines(paths);
  const count = processesOf(machines).length;
  if (count === 0) return 0;
  for (const agent of machines.agents) signal(agent, "SIGTERM");
  const gone = () => processesOf(machines).length === 0;
  let said = sayMs;
  const whileWaiting = (elapsedMs: number) => {
    if (elapsedMs < said) return;
    said += sayMs;
    deps.say(
      `ending runner agents and their jobs (${Math.round(elapsedMs / 1000)} s of at most ${limits.politeMs / 1000} s)`,
    );
  };
  if (await waitUntil(gone, { limitMs: limits.politeMs, whileWaiting }, deps.clock)) return count;
  const left = await killAll(() => processesOf(machines), limits.killedMs, deps.clock);
  for (const { pid } of left) deps.say(`process ${pid} of a runner agent cannot be killed`);
  return count;
};
