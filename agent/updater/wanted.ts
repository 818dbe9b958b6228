/** What bucket and parameter want to run here: read, checked against each other. Pure. */
import { createHash } from "node:crypto";
import * as z from "zod";
import {
  currentKey,
  currentObject,
  currentVersion,
  githubHash,
  githubHashName,
  hostFileNames,
} from "../manager-host.ts";

export const sha256 = (text: string | Uint8Array): string => createHash("sha256").update(text).digest("hex");

/** What every version of the object has: enough to become a newer updater, which reads the rest. */
const hashes = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/));
const envelope = z.looseObject({ version: z.int(), files: hashes });

/** The settings as they came: an older updater passes on what only a newer manager knows. */
export type RawConfig = Record<string, unknown> & { manager: RawManager };
export type RawManager = Record<string, unknown> & { port: number; socket: string };

export interface Wanted {
  updater: string;
  /** Null when the object is of another version than this updater: it can only become a newer one. */
  release: { manager: string; runner: string; config: RawConfig; secrets: Record<string, string> } | null;
  /** Why there is no release. */
  problem: string | null;
}

/** Something that somebody has to change; it is said, and what runs goes on. */
export class NotWanted extends Error {
  override readonly name = "NotWanted";
}

const json = (text: string, what: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new NotWanted(`${what} is not JSON: ${(error as Error).message}`, { cause: error });
  }
};
const parse = <T>(schema: z.ZodType<T>, text: string, what: string): T => {
  const parsed = schema.safeParse(json(text, what));
  if (parsed.success) return parsed.data;
  throw new NotWanted(`${what} is not what this version understands:\n${z.prettifyError(parsed.error)}`);
};

/**
 * @param current the object's text
 * @param parameter the parameter's value: the same hashes, outside the bucket, and that of the settings' `github`; one that a
 * version before that hash wrote lacks it
 * @throws NotWanted when one of them cannot be read, or they name different programs or another place for the credential
 */
export const wantedOf = (current: string, parameter: string, parameterName: string): Wanted => {
  const { version, files } = parse(envelope, current, currentKey);
  const agreed = parse(hashes, parameter, `the parameter ${parameterName}`);
  for (const name of hostFileNames) {
    if (files[name] === agreed[name]) continue;
    throw new NotWanted(
      `${currentKey} names ${name} ${files[name] ?? "not at all"}, the parameter ${parameterName} ` +
        `${agreed[name] ?? "not at all"}: nothing is changed until they agree. "pulumi up" writes both; if none ` +
        `runs, find out who wrote one of them`,
    );
  }
  if (version !== currentVersion)
    return {
      updater: files["updater.mjs"]!,
      release: null,
      problem:
        `${currentKey} has version ${version}, this updater reads ${currentVersion}: what runs goes on. ` +
        `It follows once the updater that "pulumi up" left in the bucket has taken over`,
    };
  const { config: _checked, secrets } = parse(currentObject, current, currentKey);
  const { config } = json(current, currentKey) as { config: RawConfig };
  const github = agreed[githubHashName];
  if (github !== undefined && github !== githubHash(config["github"]))
    throw new NotWanted(
      `${currentKey} has other settings of GitHub than the parameter ${parameterName} vouches for: nothing is changed ` +
        `until they agree, for they say who gets the credential. "pulumi up" writes both; if none runs, find out who ` +
        `wrote one of them`,
    );
  return {
    updater: files["updater.mjs"]!,
    release: { manager: files["manager.mjs"]!, runner: files["runner.mjs"]!, config, secrets },
    problem: null,
  };
};
