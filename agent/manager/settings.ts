/** The manager's settings file: read, checked, hashed; read again on request. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as z from "zod";
import { type ManagerConfig, managerConfig } from "../manager-config.ts";
import type { Backend } from "./ports.ts";
import type { Fact } from "./facts.ts";
import type { Offer } from "./world.ts";

export interface Settings {
  config: ManagerConfig;
  /** SHA-256 (hex) of the file's bytes. */
  hash: string;
}

/**
 * @throws with the path and every problem, when the file cannot be read or is not what this version understands.
 */
export async function readSettings(path: string): Promise<Settings> {
  const bytes = await readFile(path);
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw new Error(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = managerConfig.safeParse(json);
  if (!parsed.success)
    throw new Error(`${path} is not a settings file of this version:\n${z.prettifyError(parsed.error)}`);
  return { config: parsed.data, hash: createHash("sha256").update(bytes).digest("hex") };
}

/** Digest of all that a pool's machines are made from: a machine of another recipe is replaced once it is idle. */
export function recipes(config: ManagerConfig): Record<string, string> {
  const { readable, hidden, unconfined } = config.manager;
  const of = (pool: ManagerConfig["pools"][string]) => {
    const { labels, reuse, gpu, runnerGroup, backends } = pool;
    // How its jobs are kept apart is told to a machine once, at its launch.
    const confined = backends.some(({ kind }) => kind === "local") ? { readable, hidden, unconfined } : null;
    const made = JSON.stringify([
      labels,
      reuse,
      gpu,
      runnerGroup,
      backends,
      confined,
      config.manager.runnerBundle.sha256,
      config.github.url,
    ]);
    return createHash("sha256").update(made).digest("hex").slice(0, 16);
  };
  return Object.fromEntries(Object.entries(config.pools).map(([name, pool]) => [name, of(pool)]));
}

/** What every pool's backends offer, in the order of preference. */
export function offersOf(
  config: ManagerConfig,
  backends: ReadonlyMap<string, Backend>,
): Record<string, readonly Offer[]> {
  const of = (name: string, pool: ManagerConfig["pools"][string]) =>
    pool.backends.flatMap((entry) => backends.get(entry.kind)?.offers(name, entry) ?? []);
  return Object.fromEntries(Object.entries(config.pools).map(([name, pool]) => [name, of(name, pool)]));
}

export const settingsChanged = (
  { config, hash }: Settings,
  backends: ReadonlyMap<string, Backend>,
): Fact => ({
  is: "settings-changed",
  config,
  hash,
  offers: offersOf(config, backends),
  recipes: recipes(config),
});
