/** A machine's agent as a process of this computer: started once, found again, ended with all that it started. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { lstat, open, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { followingProxies, inherited } from "../../../inherited.ts";
import {
  killAll,
  killGroup,
  machineProcesses,
  machineVariable,
  sessionOf,
} from "../../../machine-processes.ts";
import { removeTree } from "../../../remove-tree.ts";
import { tail } from "../../../supervisor/logs.ts";
import { identify, isAlive, signal, type ProcessId } from "../../../supervisor/process.ts";
import type { Clock, Deps } from "../../deps.ts";
import { readProcess, type MachineFolder } from "./folder.ts";

const agentEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  followingProxies(
    Object.fromEntries(inherited.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]]))),
  );

/** The agent's own bounds for a runner that does not want to end are 25 s together (agent/runner/limits.ts). */
const politeMs = 30_000;
const killedMs = 5_000;

/** The agent (or the runner that it left behind when it was killed) is there. */
export async function isRunning(folder: MachineFolder): Promise<boolean> {
  const known = await Promise.all([readProcess(folder.agent), readProcess(folder.listener)]);
  return known.some(isAlive);
}

/** An agent that has not written its pid yet, or whose manager died just after starting it. */
const findAgent = (folder: MachineFolder): ProcessId | null =>
  machineProcesses(new Map([[folder.id, folder.directory]])).get(folder.id)?.[0] ?? null;

const exists = (path: string) =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** Whether the launch file still waits for an agent and no agent is on its way to it. */
export const neverStarted = async (folder: MachineFolder): Promise<boolean> =>
  (await exists(folder.launch)) && !(await isRunning(folder)) && findAgent(folder) === null;

/** @param program the runner agent's bundle */
export async function startAgent(
  folder: MachineFolder,
  program: string,
  env: NodeJS.ProcessEnv,
  { log }: Deps,
): Promise<void> {
  const output = await open(folder.agentLog, "a", 0o600);
  try {
    const child = spawn(process.execPath, [program, folder.launch], {
      cwd: folder.directory,
      env: { ...agentEnvironment(env), [machineVariable]: folder.id },
      stdio: ["ignore", output.fd, output.fd],
      detached: true,
    });
    child.once("exit", (code, by) => {
      if (code === 0) return;
      void tail(folder.agentLog, 5).then((lines) =>
        log.warn({ machine: folder.id, code, signal: by, lines }, "local: an agent ended by itself"),
      );
    });
    await once(child, "spawn");
    child.unref();
    await recordAgent(folder, child.pid!);
  } finally {
    await output.close();
  }
}

/** The agent writes the same, first thing; whoever comes first, a crash in between leaves one of the two. */
async function recordAgent(folder: MachineFolder, pid: number): Promise<void> {
  const id = identify(pid);
  if (!id) return; // it has ended already
  await writeFile(`${folder.agent}.manager`, `${JSON.stringify(id)}\n`, { mode: 0o600 });
  await rename(`${folder.agent}.manager`, folder.agent);
}

/**
 * Ends everything that runs for the machine: the agent gets time to interrupt its runner, then all is killed.
 *
 * @throws when processes are left
 */
export async function endProcesses(folder: MachineFolder, clock: Clock): Promise<void> {
  const agent =
    (await readProcess(folder.agent)) ?? ((await exists(folder.launch)) ? findAgent(folder) : null);
  if (isAlive(agent)) {
    signal(agent, "SIGTERM");
    for (const endMs = clock.now() + politeMs; isAlive(agent) && clock.now() < endMs;) await clock.sleep(25);
    signal(agent, "SIGKILL");
  }
  const listener = await readProcess(folder.listener);
  // Looked at before: once the leader is dead nobody could tell them, and what still runs could lead the removal astray.
  const session = listener ? sessionOf(listener) : [];
  if (isAlive(listener)) killGroup(listener.pid);
  const folders = new Map([[folder.id, folder.directory]]);
  const found = () => [...session, ...(machineProcesses(folders).get(folder.id) ?? [])];
  const left = await killAll(found, killedMs, clock);
  if (left.length > 0) {
    throw new Error(
      `${folder.id}: processes ${left.map(({ pid }) => pid).join(", ")} cannot be killed; end them by hand`,
    );
  }
}

/**
 * Removes the folder, the record last: what is left after a crash is still listed and destroyed again.
 *
 * @throws when something in it belongs to another user
 */
export async function removeFolder(folder: MachineFolder): Promise<void> {
  const names = await readdir(folder.directory).catch(() => []);
  for (const name of names) {
    const path = join(folder.directory, name);
    if (path !== folder.record) await removeTree(path);
  }
  await removeTree(folder.record);
  await rm(folder.directory, { recursive: true, force: true });
}
