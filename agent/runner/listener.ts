/** bin/Runner.Listener of actions/runner as a process: its environment, its lines, its exit code. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { confinedCommand, jobLeader, notConfined } from "../confinement/command.ts";
import { killAll, killGroup, sessionOf } from "../machine-processes.ts";
import type { Deps } from "./deps.ts";
import { recordProcess } from "./launch-file.ts";
import type { Limits } from "./limits.ts";
import { followOutput } from "./output.ts";
import { identify, signal, type ProcessStat } from "../supervisor/process.ts";
import type { Cell, Slot } from "./slot.ts";

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

/** For what follows a file: tells of the lines that say something. */
export const said = (onLine: (line: Line) => void) => (text: string) => {
  const line = parseLine(text);
  if (line) onLine(line);
};

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

/** Run directly: run.sh hides the exit code. */
const commandOf = (slot: Slot, cell: Cell | null) => {
  const command = [join(slot.seen.root, "bin/Runner.Listener"), "run"];
  if (cell !== null) return confinedCommand(cell.kind, cell.view, cell.uid, slot.seen.root, command);
  return { file: command[0]!, args: command.slice(1) };
};

/** As the Listener itself ended: around a confined one lies a process that can only end with a number. */
const ownCode = (code: number | null, cell: Cell | null): number | null =>
  cell !== null && code !== null && code > 128 ? null : code;

/**
 * @param cell null: not confined
 * @param log file that its output is appended to
 */
export function startListener(
  slot: Slot,
  cell: Cell | null,
  env: Record<string, string>,
  log: string,
  onLine: (line: Line) => void,
  limits: Limits,
  { clock }: Deps,
): Listener {
  const descriptor = openSync(log, "a", 0o600);
  const output = followOutput(log, said(onLine), limits, clock);
  // A session of its own, so that its group is the job's and not ours.
  const { file, args } = commandOf(slot, cell);
  const child = spawn(file, args, {
    cwd: slot.root,
    env,
    stdio: ["ignore", descriptor, descriptor],
    detached: true,
  });
  closeSync(descriptor);
  if (child.pid !== undefined) recordProcess(slot.directory, "listener", child.pid);

  const leader = child.pid === undefined ? null : identify(child.pid);
  let dying: readonly ProcessStat[] = [];
  const kill = () => {
    if (child.pid === undefined) return;
    // The init of a namespace dies after its jobs' processes, and they with a delay: till then they could hinder a clean-up.
    if (leader) dying = [...dying, ...sessionOf(leader)];
    killGroup(child.pid);
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
    child.once("exit", async (code) => {
      const setUp = cell === null || code !== notConfined;
      await killAll(() => dying, limits.killMs, clock);
      end(ownCode(code, cell), setUp ? null : `the job cannot be confined: see ${log}`);
    });
  });

  const within = (ms: number) => Promise.race([ended, clock.sleep(ms)]);
  /** To the Listener itself. One that has not started yet has nothing to say to GitHub. */
  const tell = (name: "SIGINT" | "SIGTERM") => {
    if (cell === null) return void child.kill(name);
    const leader = child.pid === undefined ? null : jobLeader(child.pid);
    if (leader === null || !signal(leader, name)) kill();
  };
  const interrupt = async () => {
    tell("SIGINT");
    await within(limits.interruptMs);
    if (!over) tell("SIGTERM");
    if (!over) await within(limits.terminateMs);
    if (!over) kill();
    await ended;
  };
  return { ended, read: () => output.read(), interrupt, kill };
}
