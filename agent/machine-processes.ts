/**
 * What runs on behalf of a machine of this computer: its agent, its runner and whatever a job left behind. Used by the
 * agent, which cleans up between jobs, and by the local backend, which ends machines whose agent cannot.
 */
import { readFileSync } from "node:fs";
import {
  allProcesses,
  isAlive,
  isOfThisBoot,
  linkOf,
  signal,
  type ProcessId,
  type ProcessStat,
} from "./supervisor/process.ts";

/** Every process of a machine inherits its id in this variable. */
export const machineVariable = "MUSTER_MACHINE";

/** The machine named in a process's environment; null when there is none or it may not be read. */
const taggedMachine = (pid: number): string | null => {
  let environment: string;
  try {
    environment = readFileSync(`/proc/${pid}/environ`, "utf8");
  } catch {
    return null;
  }
  const entry = environment.split("\0").find((pair) => pair.startsWith(`${machineVariable}=`));
  return entry?.slice(machineVariable.length + 1) ?? null;
};

/**
 * Processes by machine: those that carry its id, and those that work in its folder without a terminal (a person's
 * shell is left alone). A process that drops its environment *and* leaves the folder is found only through its
 * process group.
 *
 * @param folders machine id -> its folder
 */
export function machineProcesses(folders: ReadonlyMap<string, string>): Map<string, ProcessStat[]> {
  const found = new Map<string, ProcessStat[]>();
  const inside = (stat: ProcessStat) => {
    const place = stat.terminal === 0 ? linkOf(stat.pid, "cwd") : "";
    if (place === "") return null;
    const owner = [...folders].find(([, folder]) => place === folder || place.startsWith(`${folder}/`));
    return owner?.[0] ?? null;
  };
  for (const stat of allProcesses()) {
    if (stat.pid === process.pid) continue;
    const tag = taggedMachine(stat.pid);
    const machine = tag !== null && folders.has(tag) ? tag : inside(stat);
    if (machine !== null) found.set(machine, [...(found.get(machine) ?? []), stat]);
  }
  return found;
}

/**
 * Members of the sessions that these leaders began. A session's number is its leader's pid, which stays taken while
 * the leader or its zombie is there. Once it is gone, another session may have the number: then one member must be
 * known as a machine's, and all must be younger than the leader.
 *
 * @param table every process, zombies too
 * @param known pids of processes that carry a machine's id or work in its folder
 */
export function sessionMembers(
  leaders: readonly ProcessId[],
  table: readonly ProcessStat[],
  known: ReadonlySet<number>,
): ProcessStat[] {
  return leaders.filter(isOfThisBoot).flatMap((leader) => {
    const holder = table.find(({ pid }) => pid === leader.pid);
    if (holder && holder.startTime !== leader.startTime) return [];
    const session = table.filter(({ session }) => session === leader.pid);
    if (!holder && !session.some(({ pid }) => known.has(pid))) return [];
    return session.filter(({ state, startTime }) => state !== "Z" && startTime >= leader.startTime);
  });
}

/**
 * The session that a living leader began, itself included. A job's namespace has its init there: it cannot leave, and is
 * gone only after all that ran in the namespace, whatever that dropped or left.
 */
export const sessionOf = (leader: ProcessId): ProcessStat[] =>
  isAlive(leader) ? allProcesses().filter(({ session }) => session === leader.pid) : [];

/** Kills a process group that may be gone; its leader may be gone as well. */
export const killGroup = (leader: number): void => {
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
};

/**
 * Kills what `find` finds until it finds nothing: a process may fork while it is being killed.
 *
 * @returns what was still there after `limitMs`
 */
export async function killAll(
  find: () => readonly ProcessStat[],
  limitMs: number,
  clock: { now(): number; sleep(ms: number): Promise<void> },
): Promise<readonly ProcessStat[]> {
  const endMs = clock.now() + limitMs;
  for (;;) {
    const members = find().filter(isAlive);
    if (members.length === 0 || clock.now() > endMs) return members;
    for (const member of members) signal(member, "SIGKILL");
    await clock.sleep(20);
  }
}
