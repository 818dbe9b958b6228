import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isRunning, parseStat, processes, processesOf, processOf } from "../../../tools/start/processes.ts";

let folder = "";
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "muster-processes-")));
});
afterAll(() => rm(folder, { recursive: true }));

const stat = (state: string, command = "node") =>
  `4321 (${command}) ${state} 17 4321 4321 0 -1 4194304 1 0 0 0 3 1 0 0 20 0 11 0 99887 1000 200 ...`;

describe("a line of /proc/PID/stat", () => {
  it("is read past a command with blanks and brackets in it", () => {
    expect(parseStat(stat("S", "a) R 1 (b"))).toEqual({ parent: 17, startTicks: 99887 });
  });

  it("of a zombie is no process: it holds nothing", () => {
    expect(parseStat(stat("Z"))).toBeNull();
  });
});

describe("the processes of a folder", () => {
  it("are those that work in it and those that name something in it", async () => {
    const script = "process.stdin.resume()";
    const inside = spawn(process.execPath, ["-e", script], { cwd: folder });
    const named = spawn(process.execPath, ["-e", script, join(folder, "state.json")]);
    const other = spawn(process.execPath, ["-e", script, `${folder}-other/state.json`]);
    const ends = [inside, named, other].map((child) => once(child, "close"));
    try {
      const pids = async () => processesOf(await processes(), folder).map((process) => process.pid);
      await expect.poll(async () => (await pids()).toSorted()).toEqual([inside.pid, named.pid].toSorted());
      expect(processesOf(await processes(), folder, new Set([inside.pid!]))).toHaveLength(1);
      expect(await isRunning(inside.pid!)).toBe(true);
    } finally {
      for (const child of [inside, named, other]) child.kill("SIGKILL");
      await Promise.all(ends);
    }
    expect(await isRunning(inside.pid!)).toBe(false);
    expect(processesOf(await processes(), folder)).toEqual([]);
  });

  it("tell a process from a later one of the same number by when it started", async () => {
    const self = await processOf(process.pid);
    expect(self?.startTicks).toBeGreaterThan(0);
    expect(self?.parent).toBe(process.ppid);
  });
});
