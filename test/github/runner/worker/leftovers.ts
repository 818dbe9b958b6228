/** Processes that a job left behind, found in /proc by its RUNNER_TRACKING_ID (JobExtension.cs). */
import { readdirSync, readFileSync } from "node:fs";

const pids = () =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    // Gone meanwhile, or another user's.
    return "";
  }
}

/** Fields of /proc/PID/stat after the command, which may hold spaces and brackets. */
const parentOf = (pid: number) => Number(read(pid, "stat").split(") ").at(-1)?.split(" ")[1] ?? 0);

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

/** The process and all below it, parents first so that none starts another. */
export function killTree(root: number): void {
  const children = Map.groupBy(pids(), parentOf);
  const visit = (pid: number) => {
    kill(pid);
    for (const child of children.get(pid) ?? []) visit(child);
  };
  visit(root);
}

/** Ends every other process that carries the job's tracking id; a process that changed its own is left alone. */
export function killLeftovers(trackingId: string, log: (line: string) => void): void {
  for (const pid of pids()) {
    if (pid === process.pid) continue;
    const tracked = read(pid, "environ").split("\0").includes(`RUNNER_TRACKING_ID=${trackingId}`);
    if (!tracked) continue;
    log(`Terminate orphan process: pid (${pid}) (${read(pid, "comm").trim()})`);
    kill(pid);
  }
}
