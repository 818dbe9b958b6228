import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { processesOf } from "../../../tools/start/processes.ts";

let folder = "";
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "muster-processes-")));
});
afterAll(() => rm(folder, { recursive: true }));

const script = "process.stdin.resume()";
/** As a daemon is: without a terminal. */
const start = (args: readonly string[], cwd = tmpdir()) =>
  spawn(process.execPath, ["-e", script, ...args], { cwd, detached: true });

describe("the processes of a folder", () => {
  it("are those that work in it and those that name something in it, until they end", async () => {
    const inside = start([], folder);
    const named = start([join(folder, "state.json")]);
    const other = start([`${folder}-other/state.json`]);
    const ends = [inside, named, other].map((child) => once(child, "close"));
    const pids = () => processesOf(folder).map((process) => process.pid);
    try {
      await expect.poll(() => pids().toSorted()).toEqual([inside.pid, named.pid].toSorted());
      expect(processesOf(folder).every((process) => process.command.includes(script))).toBe(true);
    } finally {
      for (const child of [inside, named, other]) child.kill("SIGKILL");
      await Promise.all(ends);
    }
    expect(pids()).toEqual([]);
  });

  it("are those whose program lies in it", async () => {
    const program = join(folder, "agent.mjs");
    await writeFile(program, script);
    const child = spawn(process.execPath, [program], { cwd: tmpdir() });
    const end = once(child, "close");
    try {
      await expect.poll(() => processesOf(folder).map((found) => found.pid)).toEqual([child.pid]);
    } finally {
      child.kill("SIGKILL");
      await end;
    }
  });

  it("are not this process and those that started it", () => {
    expect(processesOf(process.cwd()).map((found) => found.pid)).not.toContain(process.pid);
  });
});
