/** The local manager's settings and secrets as the verbs read and write them. */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import * as z from "zod";
import {
  managerConfig,
  managerSecrets,
  type ManagerConfig,
  type ManagerSecrets,
} from "../../manager-config.ts";
import type { Folder } from "../../supervisor/folder.ts";
import { CliError } from "../errors.ts";

/** The bytes of settings.json; their SHA-256 is the manager's `configHash`. */
export const settingsText = (config: ManagerConfig): string => `${JSON.stringify(config, null, 2)}\n`;

const parse = <T>(schema: z.ZodType<T>, json: string, where: string): T => {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new CliError(`${where} is not JSON.`);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CliError(`${where} is not right:\n${z.prettifyError(parsed.error)}`);
};

export const parseSettings = (json: string, where: string): ManagerConfig =>
  parse(managerConfig, json, where);

/** Null when the folder has none. */
export const readSettings = async (paths: Folder): Promise<ManagerConfig | null> => {
  const json = await readFile(paths.settings, "utf8").catch(() => null);
  return json === null ? null : parseSettings(json, paths.settings);
};

/** @throws CliError that never repeats the text, which is secret */
export const parseSecrets = (json: string): ManagerSecrets => {
  const parsed = managerSecrets.safeParse(safeJson(json));
  if (parsed.success) return parsed.data;
  throw new CliError(`standard input must be JSON like {"githubToken": "..."} or {"githubAppKey": "..."}.`);
};
const safeJson = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
};

export const standardInput = (): Promise<string> => text(process.stdin);
