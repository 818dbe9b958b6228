/** Runner agents of this computer as processes, found without the manager. */
import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { waitUntil } from "../../supervisor/deps.ts";
import { readProcessId, type Folder } from "../../supervisor/folder.ts";
import {
  allProcesses,
  isAlive,
  linkOf,
  signal,
  type ProcessId,
  type ProcessStat,
} from "../../supervisor/process.ts";
import type { CliDeps } from "../deps.ts";

const politeMs = 3_000;
const killedMs = 5_000;

const readAgents = async (paths: Folder): Promise<ProcessId[]> => {
  const machines = await readdir(paths.machines).catch(() => []);
  const agents = await Promise.all(
    machines.map((machine) => readProcessId(join(paths.machines, machine, "agent.json"))),
  );
  return agents.filter((agent) => agent !== null);
};

/** Works inside a machine's folder without a terminal: nobody's shell, but what an agent that died left behind. */
const isLeftover = (stat: ProcessStat, paths: Folder): boolean => {
  const inside = `${paths.machines}${sep}`;
  return stat.terminal === 0 && linkOf(stat.pid, "cwd").startsWith(inside);
};

/** The agents, everything in their sessions, what these started, and what is left of agents that died. */
const members = (agents: readonly ProcessId[], paths: Folder): ProcessStat[] => {
  const all = allProcesses();
  const sessions = new Set(
    agents
      .filter((agent) => !all.some((stat) => stat.pid === agent.pid && stat.startTime !== agent.startTime))
      .map((agent) => agent.pid),
  );
  const found = new Map<number, ProcessStat>();
  for (const stat of all)
    if (sessions.has(stat.pid) || sessions.has(stat.session) || isLeftover(stat, paths))
      found.set(stat.pid, stat);
  for (let size = -1; size !== found.size;) {
    size = found.size;
    for (const stat of all) if (found.has(stat.parent)) found.set(stat.pid, stat);
  }
  found.delete(process.pid);
  return [...found.values()];
};

/** Ends every runner agent of the folder with all that it started; how many processes there were. */
export const endMachines = async (paths: Folder, deps: CliDeps): Promise<number> => {
  const agents = await readAgents(paths);
  const first = members(agents, paths);
  if (first.length === 0) return 0;
  for (const agent of agents) signal(agent, "SIGTERM");
  const gone = () => !first.some(isAlive) && members(agents, paths).length === 0;
  if (await waitUntil(gone, { limitMs: politeMs }, deps.clock)) return first.length;
  const kill = () => {
    for (const stat of [...first, ...members(agents, paths)]) signal(stat, "SIGKILL");
    return gone();
  };
  await waitUntil(kill, { limitMs: killedMs }, deps.clock);
  return first.length;
};
