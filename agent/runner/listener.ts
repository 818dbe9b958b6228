/** bin/Runner.Listener of actions/runner as a process: its environment, its lines, its exit code. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { killGroup } from "../machine-processes.ts";
import type { Deps } from "./deps.ts";
import { recordProcess } from "./launch-file.ts";
import type { Limits } from "./limits.ts";
import { followOutput } from "./output.ts";
import type { Slot } from "./slot.ts";

export type Line =
  { is: "listening" } | { is: "running"; job: string } | { is: "completed"; job: string; result: string };

/** What one line of the Listener's output says; null for all others. Lines begin with the time, mostly. */
export function parseLine(line: string): Line | null {
  const said = line.trim().replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ: /, "");
  if (said === "Listening for Jobs") return { is: "listening" };
  const running = /^Running job: (.+)$/.exec(said);
  if (running) return { is: "running", job: running[1]! };
  const completed = /^Job (.*) completed with result: (\w+)$/.exec(said);
  return completed && { is: "completed", job: completed[1]!, result: completed[2]! };
}

export interface Listener {
  /** Exit code; null when a signal ended it or it could not be started (then `problem` says why). */
  ended: Promise<{ code: number | null; problem: string | null }>;
  /** Reads what it has printed by now. */
  read(): void;
  /** SIGINT, SIGTERM, then SIGKILL to all of its process group; resolves when it has ended. */
  interrupt(): Promise<void>;
  /** Kills its process group at once. */
  kill(): void;
}

/** @param log file that its output is appended to */
export function startListener(
  slot: Slot,
  env: Record<string, string>,
  log: string,
  onLine: (line: Line) => void,
  limits: Limits,
  { clock }: Deps,
): Listener {
  const descriptor = openSync(log, "a", 0o600);
  const output = followOutput(
    log,
    (text) => {
      const line = parseLine(text);
      if (line) onLine(line);
    },
    limits,
    clock,
  );
  // Run directly: run.sh hides the exit code. A session of its own, so that its group is the job's and not ours.
  const child = spawn(join(slot.root, "bin/Runner.Listener"), ["run"], {
    cwd: slot.root,
    env,
    stdio: ["ignore", descriptor, descriptor],
    detached: true,
  });
  closeSync(descriptor);
  if (child.pid !== undefined) recordProcess(slot.directory, "listener", child.pid);

  const kill = () => {
    if (child.pid !== undefined) killGroup(child.pid);
  };
  let over = false;
  const ended = new Promise<{ code: number | null; problem: string | null }>((resolve) => {
    const end = (code: number | null, problem: string | null) => {
      if (over) return;
      over = true;
      output.close();
      resolve({ code, problem });
    };
    child.once("error", (error) => end(null, `the runner cannot be started: ${error.message}`));
    child.once("exit", (code) => end(code, null));
  });

  const within = (ms: number) => Promise.race([ended, clock.sleep(ms)]);
  const interrupt = async () => {
    child.kill("SIGINT");
    await within(limits.interruptMs);
    if (!over) child.kill("SIGTERM");
    if (!over) await within(limits.terminateMs);
    if (!over) kill();
    await ended;
  };
  return { ended, read: () => output.read(), interrupt, kill };
}
