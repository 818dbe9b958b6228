/** Processes by pid *and* start time: a pid alone may name another process by now. Linux (/proc). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ProcessId {
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  startTime: number;
}
export interface ProcessStat extends ProcessId {
  state: string;
  parent: number;
  session: number;
  /** 0: no controlling terminal. */
  terminal: number;
}

/** Null when there is no such process. */
export const statOf = (pid: number): ProcessStat | null => {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // The command's name stands in brackets and may itself hold brackets and blanks (proc_pid_stat(5)).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (index: number) => Number(fields[index]);
  return {
    pid,
    state: fields[0]!,
    parent: number(1),
    session: number(3),
    terminal: number(4),
    startTime: number(19),
  };
};

export const identify = (pid: number): ProcessId | null => {
  const stat = statOf(pid);
  return stat && { pid, startTime: stat.startTime };
};

/** A zombie has ended: it only waits for its parent. */
export const isAlive = (id: ProcessId | null | undefined): id is ProcessId => {
  if (!id) return false;
  const stat = statOf(id.pid);
  return stat !== null && stat.startTime === id.startTime && stat.state !== "Z" && stat.state !== "X";
};

/** Sends a signal if this very process is still there; false when it is not. */
export const signal = (id: ProcessId, name: NodeJS.Signals): boolean => {
  if (!isAlive(id)) return false;
  try {
    return process.kill(id.pid, name);
  } catch {
    return false;
  }
};

export const allProcesses = (): ProcessStat[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => statOf(Number(entry)))
    .filter((stat) => stat !== null && stat.state !== "Z") as ProcessStat[];

/** Target of /proc/PID/cwd or /proc/PID/exe; empty when it cannot be read. */
export const linkOf = (pid: number, name: "cwd" | "exe"): string => {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return "";
  }
};
