/** What the machine has and uses: /proc and statfs. */
import { readFile, statfs } from "node:fs/promises";
import { availableParallelism, release, totalmem } from "node:os";
import type { HostFacts, Usage } from "../protocol.ts";

const mb = 1024 ** 2;

/** Clock ticks since boot: of all kinds, and idle or waiting for the disk (proc_stat(5), first line). */
export function parseCpu(text: string): { total: number; idle: number } {
  const ticks = text.split("\n", 1)[0]!.trim().split(/\s+/).slice(1, 9).map(Number);
  return { total: ticks.reduce((sum, each) => sum + each, 0), idle: (ticks[3] ?? 0) + (ticks[4] ?? 0) };
}

/** MiB in use and in all (proc_meminfo(5), in kB); what the kernel would give back counts as free. */
export function parseMemory(text: string): { usedMb: number; totalMb: number } {
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
  const totalKb = kb("MemTotal");
  return { usedMb: Math.round((totalKb - kb("MemAvailable")) / 1024), totalMb: Math.round(totalKb / 1024) };
}

async function disk(directory: string): Promise<{ freeMb: number; totalMb: number }> {
  const { bsize, bavail, blocks } = await statfs(directory);
  return { freeMb: Math.floor((bavail * bsize) / mb), totalMb: Math.floor((blocks * bsize) / mb) };
}

const readCpu = async () => parseCpu(await readFile("/proc/stat", "utf8"));

/** Each call tells of the time since the previous one; null where the machine does not say. */
export async function makeUsage(directory: string): Promise<() => Promise<Usage | null>> {
  let before = await readCpu().catch(() => ({ total: 0, idle: 0 }));
  return async () => {
    try {
      const now = await readCpu();
      const total = now.total - before.total;
      const cpuPercent = total > 0 ? Math.round(1_000 * (1 - (now.idle - before.idle) / total)) / 10 : 0;
      before = now;
      const memory = parseMemory(await readFile("/proc/meminfo", "utf8"));
      const { freeMb, totalMb } = await disk(directory);
      return {
        cpuPercent: Math.min(100, Math.max(0, cpuPercent)),
        memoryUsedMb: memory.usedMb,
        memoryTotalMb: memory.totalMb,
        diskFreeMb: freeMb,
        diskTotalMb: totalMb,
      };
    } catch {
      return null;
    }
  };
}

export async function hostFacts(directory: string): Promise<HostFacts> {
  return {
    arch: process.arch,
    cores: availableParallelism(),
    memoryMb: Math.round(totalmem() / mb),
    diskFreeMb: (await disk(directory)).freeMb,
    kernel: release(),
  };
}
