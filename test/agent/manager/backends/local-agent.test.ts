/** Ending a machine whose agent is gone: with real processes, before anything of its folder is removed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { endProcesses } from "../../../../agent/manager/backends/local/agent.ts";
import { machineFolder } from "../../../../agent/manager/backends/local/folder.ts";
import { identify, isAlive } from "../../../../agent/supervisor/process.ts";
import { deps } from "./local-rig.ts";

let machines: string;
beforeEach(() => void (machines = mkdtempSync(join(tmpdir(), "muster-ending-"))));
afterEach(() => rmSync(machines, { recursive: true, force: true }));

it("waits for the whole session of its runner, also for what shows neither machine nor folder and left the group", async () => {
  const folder = machineFolder(machines, "m1");
  mkdirSync(folder.directory);
  // "set -m" of bash gives what is started a process group of its own, in the same session.
  const script = `set -m; cd /; env -i sleep 61 & echo $!; exec sleep 61`;
  const runner = spawn("bash", ["-c", script], {
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
    cwd: "/",
  });
  const [said] = (await once(runner.stdout, "data")) as [Buffer];
  const hidden = identify(Number(said.toString()))!;
  writeFileSync(folder.listener, JSON.stringify(identify(runner.pid!)));
  try {
    await endProcesses(folder, deps.clock);
    expect(isAlive(hidden)).toBe(false);
  } finally {
    if (isAlive(hidden)) process.kill(hidden.pid, "SIGKILL");
  }
});
