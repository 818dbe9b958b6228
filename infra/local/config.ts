/** What the manager of this computer reads. */
import { createHash } from "node:crypto";
import { hostname, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { configVersion, type ManagerConfig } from "../../agent/manager-config.ts";
import type { Bundles } from "../bundle.ts";
import type { Settings } from "../settings.ts";

export interface LocalConfigArgs {
  stack: { project: string; name: string };
  settings: Settings;
  bundles: Bundles;
  /** The checkout. */
  root: string;
}

/** Linux allows 107 (unix(7)); the rest is for names that stand-ins and tests put in front. */
const socketBytesMax = 100;

const socketPath = (directory: string): string => {
  const beside = join(directory, "control.sock");
  if (Buffer.byteLength(beside) <= socketBytesMax) return beside;
  const short = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  return join(tmpdir(), `muster-${short}`, "control.sock");
};

export const defaultDirectory = (root: string): string => join(root, ".muster/local");

export const localManagerConfig = ({ stack, settings, bundles, root }: LocalConfigArgs): ManagerConfig => {
  const { port, directory: given, drainTimeoutSeconds } = settings.manager;
  const directory = given === null ? defaultDirectory(root) : resolve(root, given);
  const file = ({ path, sha256 }: { path: string; sha256: string }) => ({ path, sha256 });
  return {
    version: configVersion,
    // The same stack of another checkout or computer has its own scale sets.
    stack: {
      ...stack,
      owner: createHash("sha256").update(`${hostname()}\0${directory}`).digest("hex").slice(0, 12),
    },
    github: settings.github,
    pools: settings.pools,
    budget: settings.budget,
    manager: {
      port,
      directory,
      socket: socketPath(directory),
      managerBundle: file(bundles.manager),
      runnerBundle: file(bundles.runner),
      drainTimeoutSeconds,
    },
  };
};
