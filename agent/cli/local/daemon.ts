/** The supervisor as a process: starting it, ending it, whether it is there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { inherited } from "../../inherited.ts";
import { waitUntil } from "../../supervisor/deps.ts";
import { folder, readRecord, type Folder } from "../../supervisor/folder.ts";
import { stopAndKeepSecrets } from "../../supervisor/supervise.ts";
import { openLog } from "../../supervisor/logs.ts";
import { isAlive, signal, type ProcessId } from "../../supervisor/process.ts";
import type { CliDeps } from "../deps.ts";

const program = join(import.meta.dirname, "../../supervisor/main.ts");

/**
 * All that the manager and its jobs inherit from the shell: a daemon's environment stays readable in /proc for as long
 * as it lives, and the shell that runs Pulumi holds its passphrase and cloud credentials.
 */
const passedOn = [...inherited, "HOME", "TMPDIR"];

export const daemonEnvironment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(passedOn.filter((name) => env[name] !== undefined).map((name) => [name, env[name]]));

/** Starts the supervisor as a session of its own; it outlives this process and holds none of its streams. */
export const startSupervisor = async (paths: Folder, deps: CliDeps): Promise<void> => {
  const log = await openLog(paths.supervisorLog);
  try {
    const child = spawn(process.execPath, [program, paths.directory], {
      cwd: paths.directory,
      env: daemonEnvironment(deps.env),
      stdio: ["ignore", log.fd, log.fd],
      detached: true,
    });
    await once(child, "spawn");
    child.unref();
  } finally {
    await log.close();
  }
};

/** Whether a supervisor runs for this folder. */
export const supervisorAlive = async (directory: string): Promise<boolean> =>
  isAlive((await readRecord(folder(directory)))?.supervisor);

const supervisorMs = 20_000;
const killedMs = 5_000;

/**
 * Ends supervisor and manager, politely at first; what is gone already is fine.
 * @param keepSecrets the supervisor leaves its secrets in the folder, for one that follows at once
 */
export const endDaemon = async (paths: Folder, deps: CliDeps, keepSecrets = false): Promise<void> => {
  const record = await readRecord(paths);
  if (!record) return;
  // The supervisor first, or it would start the manager again; it ends its manager itself.
  const ids: ProcessId[] = [record.supervisor, ...(record.manager ? [record.manager] : [])];
  for (const id of ids) {
    const first = keepSecrets && id === record.supervisor ? stopAndKeepSecrets : "SIGTERM";
    if (!signal(id, first)) continue;
    if (await waitUntil(() => !isAlive(id), { limitMs: supervisorMs }, deps.clock)) continue;
    deps.say(`process ${id.pid} did not end by itself: killed`);
    signal(id, "SIGKILL");
    await waitUntil(() => !isAlive(id), { limitMs: killedMs }, deps.clock);
  }
  // While the supervisor ended it may have written a manager that the record above did not know.
  const last = (await readRecord(paths))?.manager;
  if (last && signal(last, "SIGKILL"))
    await waitUntil(() => !isAlive(last), { limitMs: killedMs }, deps.clock);
};
