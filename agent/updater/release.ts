/** One thing that can run here: a bundle with its settings. Pure. */
import { fileKey, hostPaths, type HostFileName } from "../manager-host.ts";
import { type RawConfig, sha256 } from "./wanted.ts";

export interface Release {
  /** SHA-256 of the bundle. */
  manager: string;
  runner: string;
  config: RawConfig;
  /** SHA-256 of the secrets that a manager reads only at its start: the keys of its certificates. */
  keys: string;
}

/** Where a program lies below `programs`: the folder is as in the bucket. */
export const programPath = (programs: string, hash: string, name: HostFileName): string =>
  `${programs}/${fileKey(hash, name).slice("manager/".length)}`;

/** The settings file's text: paths and hashes are those of what really runs. */
export const settingsText = (
  { manager, runner, config }: Release,
  programs: string = hostPaths.programs,
): string => {
  const file = (sha: string, name: HostFileName) => ({ path: programPath(programs, sha, name), sha256: sha });
  const managerBundle = file(manager, "manager.mjs");
  const runnerBundle = file(runner, "runner.mjs");
  return `${JSON.stringify({ ...config, manager: { ...config.manager, managerBundle, runnerBundle } })}\n`;
};

/** What a running manager takes up by a reload; everything else of `config.manager` needs a new process. */
const reloaded = ["managerBundle", "runnerBundle", "drainTimeoutSeconds", "readable", "hidden", "unconfined"];

/** Releases with the same one differ in what a reload brings. */
export const processKey = ({ manager, config, keys }: Release): string => {
  const rest = Object.entries(config.manager)
    .filter(([name]) => !reloaded.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return sha256(JSON.stringify([manager, rest, keys]));
};

/** New settings for a process that stays: what is refused is only what would have needed another one. */
export const settingsFor = (running: Release, wanted: Release): Release => ({
  ...running,
  runner: wanted.runner,
  config: { ...wanted.config, manager: running.config.manager },
});
