/** Where the program meets Pulumi's configuration: nothing else reads it. */
import { arch, homedir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { detectConfinement } from "../agent/confinement/detect.ts";
import type { Confinement } from "../agent/confinement/kind.ts";
import { costOf } from "./cost.ts";
import { parseSettings, type Settings } from "./settings.ts";
import { secretNames, type SecretName } from "./schema.ts";

/** The checkout. */
export const projectRoot = join(import.meta.dirname, "..");

const namespace = "muster";

/** Pulumi hands objects, numbers and booleans over as JSON, strings as they are. */
const value = (text: string): unknown => {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "string" ? text : parsed;
  } catch {
    return text;
  }
};

/** Names of this namespace's keys whose value is secret or holds something secret; set by Pulumi's language host. */
const secretKeys = (): Set<string> => {
  const keys = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS || "[]") as string[];
  const ours = keys.filter((key) => key.startsWith(`${namespace}:`));
  return new Set(ours.map((key) => key.slice(namespace.length + 1)));
};

export interface StackInputs {
  stack: { project: string; name: string };
  settings: Settings;
  /** Of this computer. */
  confinement: Confinement;
  /** Only those that are set. */
  secrets: Partial<Record<SecretName, pulumi.Output<string>>>;
}

/** @throws SettingsError with everything that is wrong */
export const stackInputs = async (): Promise<StackInputs> => {
  const config = new pulumi.Config(namespace);
  const secret = secretKeys();
  const ours = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith(`${namespace}:`));
  const values = Object.fromEntries(
    ours
      .map(([key, text]) => [key.slice(namespace.length + 1), text] as const)
      .filter(([key]) => !secret.has(key))
      .map(([key, text]) => [key, value(text)]),
  );
  const stack = { project: pulumi.getProject(), name: pulumi.getStack() };
  const confinement = await detectConfinement();
  const settings = parseSettings({
    stack: stack.name,
    values,
    secretKeys: secret,
    arch: arch() === "arm64" ? "ARM64" : arch().toUpperCase(),
    places: { root: projectRoot, home: homedir() },
    confinement,
  });
  for (const said of [...settings.warnings, ...(costOf(settings)?.warnings ?? [])])
    await pulumi.log.warn(said);
  const secrets = Object.fromEntries(
    secretNames.filter((name) => secret.has(name)).map((name) => [name, config.requireSecret(name)]),
  );
  return { stack, settings, confinement, secrets };
};
