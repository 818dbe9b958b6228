/** What the manager of this computer reads. */
import { createHash } from "node:crypto";
import { lstatSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { configVersion, type ManagerConfig } from "../../agent/manager-config.ts";
import type { Bundles } from "../bundle.ts";
import type { PoolSettings, Settings } from "../settings.ts";

export interface LocalConfigArgs {
  stack: { project: string; name: string };
  /** Of a stack whose manager is on this computer. */
  settings: Settings;
  bundles: Pick<Bundles, "manager" | "runner">;
  /** The checkout. */
  root: string;
  env?: NodeJS.ProcessEnv;
}

/** Linux allows 107 (unix(7)); the rest is for names that stand-ins and tests put in front. */
const socketBytesMax = 100;

/** A folder that only this user may enter, where the login session provides one; null otherwise. */
const runtimeFolder = (env: NodeJS.ProcessEnv): string | null => {
  const path = env["XDG_RUNTIME_DIR"] ?? "";
  const found = isAbsolute(path) ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
  const usable = found?.isDirectory() && found.uid === process.getuid?.() && (found.mode & 0o077) === 0;
  return usable ? path : null;
};

const socketPath = (directory: string, env: NodeJS.ProcessEnv): string => {
  const beside = join(directory, "control.sock");
  if (Buffer.byteLength(beside) <= socketBytesMax) return beside;
  const short = createHash("sha256").update(directory).digest("hex").slice(0, 16);
  const below = (parent: string) => join(parent, `muster-${short}`, "control.sock");
  const runtime = runtimeFolder(env);
  return runtime !== null && Buffer.byteLength(below(runtime)) <= socketBytesMax
    ? below(runtime)
    : below(tmpdir());
};

/** What else lies in `.muster`. */
const taken = new Set(["backend", "bundles", "passphrase", "pulumi", "simulator", "start.json"]);

/** Every stack of a checkout has a folder of its own. */
export const defaultDirectory = (root: string, stack: string): string =>
  join(root, ".muster", taken.has(stack) || stack.startsWith(".") ? `stack-${stack}` : stack);

/** The folder that the CLI takes when none is named. */
export const isCliDefault = (directory: string, root: string): boolean =>
  directory === defaultDirectory(root, "local");

/** Settings give a manager on this computer no other backend. */
const localPool = (pool: PoolSettings) => ({
  ...pool,
  backends: pool.backends.filter((backend) => backend.kind === "local"),
});

export const localManagerConfig = ({
  stack,
  settings,
  bundles,
  root,
  env = process.env,
}: LocalConfigArgs): ManagerConfig => {
  if (settings.manager.on !== "local") throw new Error("this stack's manager is not on this computer");
  const { port, directory: given, drainTimeoutSeconds, readable, unconfined } = settings.manager;
  const directory = given === null ? defaultDirectory(root, stack.name) : resolve(root, given);
  const file = ({ path, sha256 }: { path: string; sha256: string }) => ({ path, sha256 });
  return {
    version: configVersion,
    // The same stack of another checkout or computer has its own scale sets.
    stack: {
      ...stack,
      owner: createHash("sha256").update(`${hostname()}\0${directory}`).digest("hex").slice(0, 12),
    },
    github: settings.github,
    pools: Object.fromEntries(Object.entries(settings.pools).map(([name, pool]) => [name, localPool(pool)])),
    budget: settings.budget && { ...settings.budget, baseMicrosPerHour: 0 },
    manager: {
      port,
      directory,
      socket: socketPath(directory, env),
      managerBundle: file(bundles.manager),
      runnerBundle: file(bundles.runner),
      drainTimeoutSeconds,
      readable: readable.map((path) => resolve(root, path)),
      // State, passphrase, bundles and the folders of other stacks.
      hidden: [join(root, ".muster"), join(root, `Pulumi.${stack.name}.yaml`)],
      unconfined,
      agents: null,
    },
  };
};
