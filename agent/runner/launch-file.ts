/** The agent's only argument: a file with its one-time token, taken once. */
import { readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { launchFile, type LaunchFile } from "../protocol.ts";
import { identify } from "../supervisor/process.ts";
import { writeWhole } from "./memory.ts";

/**
 * Reads the file and removes it. The rename is atomic, so of two agents that are started for one machine exactly one
 * gets it.
 *
 * @throws when it is missing (another agent has it) or does not hold what protocol.ts says
 */
export function takeLaunchFile(path: string): LaunchFile {
  const taken = `${path}.taken`;
  try {
    renameSync(path, taken);
  } catch (error) {
    throw new Error(
      `${path}: cannot be taken; another agent has it, or this machine has been started before`,
      {
        cause: error,
      },
    );
  }
  const text = readFileSync(taken, "utf8");
  rmSync(taken);
  const parsed = z.safeParse(launchFile, parse(text));
  if (parsed.success) return parsed.data;
  const wrong = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "file"}: ${message}`);
  throw new Error(`${path}: is no launch file (${wrong.join("; ")}); LaunchFile in protocol.ts says what is`);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // the schema says what was expected; the text holds a token and stays out of the message
  }
}

/** Leaves {pid, startTime, boot} of a process in the machine's folder: a pid alone may soon name another one. */
export function recordProcess(directory: string, name: "agent" | "listener", pid: number): void {
  const who = JSON.stringify(identify(pid) ?? { pid, startTime: 0 });
  writeWhole(join(directory, `${name}.json`), `${who}\n`);
}
