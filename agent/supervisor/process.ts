/** Processes by pid, start time *and* boot: a pid alone may name another process by now. Linux (/proc). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

export interface ProcessId {
  pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  startTime: number;
  /** Of this boot of the kernel: start times are counted anew after each. Left out where it cannot be read. */
  boot?: string;
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

/** random(4); null where /proc is incomplete. */
const readBoot = (): string | null => {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
};
const boot = readBoot();

/** False for what was written down before this computer was started again. */
export const isOfThisBoot = (id: ProcessId): boolean =>
  id.boot === undefined || boot === null || id.boot === boot;

export const identify = (pid: number): ProcessId | null => {
  const stat = statOf(pid);
  return stat && { pid, startTime: stat.startTime, ...(boot === null ? {} : { boot }) };
};

/** What `identify` wrote down, read back; null when it is anything else. */
export const parseProcessId = (value: unknown): ProcessId | null => {
  const { pid, startTime, boot: of } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (!Number.isSafeInteger(pid) || !Number.isSafeInteger(startTime) || Number(pid) <= 1) return null;
  return { pid: Number(pid), startTime: Number(startTime), ...(typeof of === "string" ? { boot: of } : {}) };
};

/** A zombie has ended: it only waits for its parent. */
export const isAlive = (id: ProcessId | null | undefined): id is ProcessId => {
  if (!id || !isOfThisBoot(id)) return false;
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

/** Also those that have ended and only wait for their parent: their numbers are taken. */
export const processTable = (): ProcessStat[] =>
  readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => statOf(Number(entry)))
    .filter((stat) => stat !== null);

export const allProcesses = (): ProcessStat[] => processTable().filter(({ state }) => state !== "Z");

/** Target of /proc/PID/cwd or /proc/PID/exe; empty when it cannot be read. */
export const linkOf = (pid: number, name: "cwd" | "exe"): string => {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return "";
  }
};
