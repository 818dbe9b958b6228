/** `muster local start`: makes the manager of this computer run with the wanted settings. Safe to repeat. */
import { lstat, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { ManagerConfig } from "../../manager-config.ts";
import { control } from "../../supervisor/control.ts";
import { waitUntil } from "../../supervisor/deps.ts";
import { ensureFolder, readRecord, sha256, writeAtomic, type Folder } from "../../supervisor/folder.ts";
import { tail } from "../../supervisor/logs.ts";
import { isAlive, signal } from "../../supervisor/process.ts";
import type { CliDeps } from "../deps.ts";
import { CliError } from "../errors.ts";
import { startSupervisor } from "./daemon.ts";
import { address, health } from "./health.ts";
import { settingsText } from "./settings.ts";

const healthyMs = 30_000;
const sayMs = 3_000;
/** So many deaths while we wait: it will not get better. */
const crashesMax = 3;
const oldBundleMs = 7 * 24 * 60 * 60 * 1000;

/** A socket outside the manager's folder (whose path was too long) lies in a folder that only we may enter. */
const ensureSocketFolder = async (config: ManagerConfig) => {
  const parent = dirname(config.manager.socket);
  if (parent === config.manager.directory) return;
  await mkdir(parent, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  // Not stat: in a folder where others may write, a link may lead to another of our own folders.
  const found = await lstat(parent);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o077) !== 0)
    throw new CliError(
      `${parent} must be a real folder that belongs to this user alone (mode 0700): it holds the control socket.`,
    );
};

const exists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  );

const ensureSupervisor = async (paths: Folder, deps: CliDeps) => {
  const record = await readRecord(paths);
  if (record && signal(record.supervisor, "SIGHUP")) return;
  if (!(await exists(paths.secrets)))
    throw new CliError(
      `the manager does not run, and its secrets were in its memory only. Run "npm run pulumi -- up -s local" ` +
        `(or npm start): it takes them from Pulumi's state.`,
    );
  await startSupervisor(paths, deps);
};

/** Waits until exactly this manager answers with exactly these settings. */
const untilHealthy = async (config: ManagerConfig, hash: string, paths: Folder, deps: CliDeps) => {
  let problem = "it has not answered yet";
  let said = sayMs;
  // A record whose supervisor is dead tells of an earlier life.
  const living = async () => {
    const record = await readRecord(paths);
    return isAlive(record?.supervisor) ? record : null;
  };
  const before = (await living())?.crashes ?? 0;
  let crashes = 0;
  const test = async () => {
    const [answer, record] = [await health(config, deps), await living()];
    crashes = (record?.crashes ?? 0) - before;
    if (crashes >= crashesMax) return true;
    if (!record) problem = "its supervisor does not run";
    else if ("problem" in answer) problem = answer.problem;
    else if (answer.pid !== record.manager?.pid)
      problem = `port ${config.manager.port} is served by another manager (pid ${answer.pid})`;
    else if (answer.managerBundle !== config.manager.managerBundle.sha256) problem = "it runs the old bundle";
    else if (answer.configHash !== hash) problem = "it has not taken the new settings yet";
    else if (!answer.ok) problem = "it says that it is not well";
    else return true;
    return false;
  };
  const whileWaiting = (elapsedMs: number) => {
    if (elapsedMs < said) return;
    said = elapsedMs + sayMs;
    deps.say(`waiting for the manager: ${problem} (${Math.round(elapsedMs / 1000)} s)`);
  };
  const ok = await waitUntil(test, { limitMs: healthyMs, everyMs: 50, whileWaiting }, deps.clock);
  if (ok && crashes < crashesMax) return;
  const why = crashes >= crashesMax ? `it ended ${crashes} times` : problem;
  throw new CliError(await failure(config, why, paths));
};

const failure = async (config: ManagerConfig, why: string, paths: Folder) => {
  const [manager, supervisor] = [await tail(paths.managerLog), await tail(paths.supervisorLog, 5)];
  const lines = [`the manager on port ${config.manager.port} did not come up: ${why}.`];
  if (/served by|EADDRINUSE/.test(why + manager))
    lines.push(
      `If the port is taken, choose another: pulumi config set --path muster:manager.port ` +
        `${config.manager.port + 1} -s ${config.stack.name}`,
    );
  lines.push(`End of ${paths.managerLog}:`, manager, `End of ${paths.supervisorLog}:`, supervisor);
  return lines.join("\n");
};

/** A `destroy` that was interrupted leaves the manager draining: it would launch nothing more. */
const endDraining = async (config: ManagerConfig, deps: CliDeps) => {
  const answer = await control(config.manager.socket, "/control/undrain", "{}", 5_000).catch(
    (error: Error) => ({ status: 0, body: error.message }),
  );
  if (answer.status !== 200)
    deps.say(`the manager did not say that it launches machines again: ${answer.body}`);
};

/** The settings of every stack whose folder lies beside the bundles, as text. */
const allSettings = async (muster: string): Promise<string> => {
  const read = (name: string) => readFile(join(muster, name, "settings.json"), "utf8").catch(() => "");
  return (await Promise.all((await readdir(muster)).map(read))).join("\n");
};

/** Bundles are named by content, so they pile up: those that no stack's settings name go after a week. */
const removeOldBundles = async (config: ManagerConfig, nowMs: number) => {
  const { managerBundle, runnerBundle } = config.manager;
  const parent = dirname(managerBundle.path);
  const kept = [managerBundle, runnerBundle].map((bundle) => basename(bundle.path));
  const named = await allSettings(dirname(parent));
  const ours = (file: string) =>
    /^(manager|runner)-[0-9a-f]{16}\.mjs$/.test(file) && !kept.includes(file) && !named.includes(file);
  for (const file of (await readdir(parent)).filter(ours)) {
    const found = await stat(join(parent, file)).catch(() => null);
    if (found && nowMs - found.mtimeMs > oldBundleMs) await rm(join(parent, file), { force: true });
  }
};

/**
 * Writes the settings, starts the supervisor where none runs, and returns when GET /healthz answers with the wanted
 * bundle and settings.
 * @throws CliError with the end of the logs after 30 seconds, or when the manager keeps dying
 */
export const start = async (config: ManagerConfig, deps: CliDeps): Promise<void> => {
  const paths = await ensureFolder(config.manager.directory, config.stack);
  await ensureSocketFolder(config);
  const settings = settingsText(config);
  await writeAtomic(paths.settings, settings);
  await ensureSupervisor(paths, deps);
  await untilHealthy(config, sha256(settings), paths, deps);
  await endDraining(config, deps);
  const settingsMs = (await stat(paths.settings)).mtimeMs;
  await removeOldBundles(config, settingsMs).catch(() => {
    // They cost disk only; the next start tries again.
  });
  deps.say(`the manager runs: ${address(config)}`);
};
