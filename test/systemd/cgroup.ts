/** A control group for each unit: whoever forks, leaves its session or changes its user stays in it. */
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** Where version 2 is mounted, alone or beside version 1. */
const hierarchy = () => {
  const line = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .find((line) => line.split(" ")[2] === "cgroup2");
  if (!line) throw new Error("no cgroup2 is mounted: a unit's processes could not be told from others");
  return line.split(" ")[1]!;
};

/** @param machine keeps machines of one computer apart */
export const cgroupOf = (machine: string): string => join(hierarchy(), machine);

export interface Cgroup {
  /** A process writes its id here to be in it. */
  procs: string;
  pids(): number[];
  kill(signal: NodeJS.Signals): void;
  /** Whether nobody is left in it within `ms`. */
  empty(ms: number): Promise<boolean>;
  remove(): void;
}

export function makeCgroup(machine: string, unit: string): Cgroup {
  const path = join(cgroupOf(machine), unit);
  mkdirSync(path, { recursive: true });
  const procs = join(path, "cgroup.procs");
  const pids = () =>
    existsSync(procs) ? readFileSync(procs, "utf8").split("\n").filter(Boolean).map(Number) : [];
  return {
    procs,
    pids,
    kill: (signal) => {
      for (const pid of pids())
        try {
          process.kill(pid, signal);
        } catch {
          // It has just ended.
        }
    },
    empty: async (ms) => {
      const endMs = performance.now() + ms;
      while (pids().length > 0) {
        if (performance.now() > endMs) return false;
        await pause(10);
      }
      return true;
    },
    remove: () => {
      if (existsSync(path)) rmdirSync(path);
    },
  };
}
