/** The three files that a JIT config brings, and that name this runner to GitHub. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Settings {
  AgentId: number;
  AgentName: string;
  PoolName: string;
  Ephemeral: boolean;
  DisableUpdate: boolean;
  GitHubUrl: string;
  ServerUrlV2: string;
  WorkFolder: string;
}
export interface Credentials {
  clientId: string;
  authorizationUrl: string;
}
/** .NET's RSAParameters, base64 each. */
export type RsaParameters = Record<
  "d" | "dp" | "dq" | "exponent" | "inverseQ" | "modulus" | "p" | "q",
  string
>;
export interface Config {
  settings: Settings;
  credentials: Credentials;
  rsa: RsaParameters;
}

export const configFiles = [".runner", ".credentials", ".credentials_rsaparams"] as const;
type ConfigFile = (typeof configFiles)[number];

/**
 * Writes every file of the JIT config into `root`. Only the owner may read them, where the real runner leaves that
 * to the umask.
 * @throws when it is no base64 of a JSON map of base64.
 */
export function writeJitConfig(root: string, encoded: string): void {
  const files = JSON.parse(Buffer.from(encoded, "base64").toString()) as Record<string, string>;
  for (const [name, content] of Object.entries(files)) {
    if (name.includes("/")) throw new Error(`The JIT config holds '${name}', which is no file name.`);
    writeFileSync(join(root, name), Buffer.from(content, "base64"), { mode: 0o600 });
  }
}

function read(root: string, file: ConfigFile): Record<string, unknown> | null {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8").replace(/^\uFEFF/, "")) as Record<
      string,
      unknown
    >;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Null when the runner is not configured. @throws when a file lacks what is needed, naming both. */
export function readConfig(root: string): Config | null {
  const settings = read(root, ".runner");
  const credentials = read(root, ".credentials");
  const rsa = read(root, ".credentials_rsaparams");
  if (!settings || !credentials || !rsa) return null;
  const data = (credentials["Data"] ?? {}) as Record<string, unknown>;
  const need = (file: ConfigFile, from: Record<string, unknown>, keys: readonly string[]) => {
    const missing = keys.filter((key) => from[key] === undefined || from[key] === "");
    if (missing.length > 0) throw new Error(`${file} lacks ${missing.join(", ")}.`);
  };
  need(".runner", settings, ["AgentId", "AgentName", "ServerUrlV2", "WorkFolder"]);
  need(".credentials", data, ["clientId", "authorizationUrl"]);
  need(".credentials_rsaparams", rsa, ["d", "dp", "dq", "exponent", "inverseQ", "modulus", "p", "q"]);
  return {
    settings: settings as unknown as Settings,
    credentials: data as unknown as Credentials,
    rsa: rsa as RsaParameters,
  };
}

/** What an ephemeral runner does after its job, and any runner whose record is gone. */
export function deleteConfig(root: string): void {
  for (const file of configFiles) rmSync(join(root, file), { force: true });
}
