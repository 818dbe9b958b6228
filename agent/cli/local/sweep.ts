/** `muster local sweep`: leaves nothing behind, with or without a manager. */
import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { text } from "node:stream/consumers";
import type { ManagerConfig } from "../../manager-config.ts";
import { folder, type Folder } from "../../supervisor/folder.ts";
import { FolderError, foreign, ownership } from "../../supervisor/marker.ts";
import type { CliDeps } from "../deps.ts";
import { daemonEnvironment, endDaemon } from "./daemon.ts";
import { endMachines, machineLimits, type MachineLimits } from "./machines.ts";
import { removeFolder, removeSockets } from "./remove.ts";
import { readSettings } from "./settings.ts";

const forgetMs = 30_000;

/** Runs the manager's bundle once, to remove this stack's scale sets and runner records at GitHub. */
const forget = async (paths: Folder, config: ManagerConfig, secrets: string, deps: CliDeps) => {
  const child = spawn(
    process.execPath,
    [config.manager.managerBundle.path, "--config", paths.settings, "--forget"],
    { env: daemonEnvironment(deps.env), stdio: ["pipe", "pipe", "pipe"] },
  );
  child.stdin.on("error", () => {
    // It ended before it read them: the exit code says so.
  });
  child.stdin.end(secrets);
  const over = new AbortController();
  let late = false;
  void deps.clock.sleep(forgetMs, over.signal).then(() => {
    late = !over.signal.aborted;
    if (late) child.kill("SIGKILL");
  });
  const ended = new Promise<number | null>((resolve) => {
    child.on("error", () => resolve(null));
    child.on("close", (code) => resolve(code));
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  over.abort();
  if (code === 0) return;
  const why = late ? `not done within ${forgetMs / 1000} s` : `exit code ${code}`;
  deps.say(`not everything could be removed at ${config.github.url} (${why}):`);
  deps.say(`${stdout}${stderr}`.trim().slice(-4_000));
};

/**
 * A checkout that was copied brings a folder along whose notes name another one's processes and sets at GitHub. One that
 * was moved is no copy: then nothing is where it was.
 */
const refuseCopy = async (directory: string, original: string) => {
  const [here, there] = await Promise.all([directory, original].map((path) => stat(path).catch(() => null)));
  if (!here || !there || (here.dev === there.dev && here.ino === there.ino)) return;
  if ((await ownership(original)).kind !== "ours") return;
  throw new FolderError(
    `${directory} is a copy of ${original}, which is still there: what it notes of processes and of GitHub is the ` +
      `other's. Nothing was touched. Remove the copy by hand, or name the other: muster local sweep --directory ${original}`,
  );
};

/**
 * Ends manager and runner agents, removes what this stack has at GitHub (needs the secrets; what remains is named),
 * then the folder with everything in it. Succeeds when there is none.
 * @throws FolderError when the folder is not a manager's, or is a copy of one: then nothing is touched
 */
export const sweep = async (
  directory: string,
  secrets: string | null,
  deps: CliDeps,
  limits: MachineLimits = machineLimits,
): Promise<void> => {
  const paths = folder(directory);
  const { kind } = await ownership(directory);
  if (kind === "foreign") throw foreign(directory);
  if (kind === "missing") return deps.say(`${directory} is not there: nothing to remove`);
  const config = await readSettings(paths).catch(() => null);
  if (config) await refuseCopy(directory, config.manager.directory);
  await endDaemon(paths, deps);
  const ended = await endMachines(paths, deps, limits);
  if (ended > 0) deps.say(`ended ${ended} processes of runner agents`);
  if (config && secrets !== null) await forget(paths, config, secrets, deps);
  else if (config) {
    const { project, name } = config.stack;
    deps.say(
      `without secrets nothing was removed at ${config.github.url}: scale sets of ${project}, ${name} may remain`,
    );
  }
  const sockets = config ? dirname(config.manager.socket) : paths.directory;
  if (sockets !== paths.directory) await removeSockets(sockets);
  await removeFolder(paths, deps);
};
