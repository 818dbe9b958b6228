import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { realClock } from "../../../agent/runner/deps.ts";
import { startListener } from "../../../agent/runner/listener.ts";
import { slotOf } from "../../../agent/runner/slot.ts";
import { identify, isAlive } from "../../../agent/supervisor/process.ts";
import { eventually, shortLimits } from "./agents.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "muster-listener-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it("one that had to be killed is over when its whole session is, also what shows no machine and left the group", async () => {
  const slot = slotOf("m1", directory);
  const [note, log] = [join(directory, "pid"), join(directory, "runner.log")];
  mkdirSync(join(slot.root, "bin"), { recursive: true });
  // "set -m" of bash gives what is started a process group of its own, in the same session.
  const script = `#!/bin/bash\ntrap "" INT TERM\nset -m\ncd /\nenv -i sleep 61 &\necho $! >${note}\nwhile :; do sleep 1; done\n`;
  writeFileSync(join(slot.root, "bin/Runner.Listener"), script, { mode: 0o755 });
  const deps = { clock: realClock, random: Math.random, log: () => {}, env: {}, powerOff: () => {} };
  const env = { PATH: process.env["PATH"] ?? "" };
  const listener = startListener(slot, null, env, log, () => {}, shortLimits, deps);
  await eventually(() => existsSync(note) && readFileSync(note, "utf8").endsWith("\n"), "it has started");
  const hidden = identify(Number(readFileSync(note, "utf8")))!;
  try {
    await listener.interrupt();
    expect(isAlive(hidden)).toBe(false);
  } finally {
    if (isAlive(hidden)) process.kill(hidden.pid, "SIGKILL");
  }
});
