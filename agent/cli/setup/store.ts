/** The stack's configuration as far as logging in to GitHub goes: what is there, and what is written. */
import { arch, homedir } from "node:os";
import { SettingsError, typable } from "../../../infra/errors.ts";
import { parseSettings, type Settings } from "../../../infra/settings.ts";
import { detectConfinement } from "../../confinement/detect.ts";
import type { Confinement } from "../../confinement/kind.ts";
import type { ConfigValue, Pulumi } from "../pulumi.ts";

export interface Present {
  url: string | null;
  /** `installation` null: a set-up that was interrupted. */
  app: { id: number; installation: number | null } | null;
  /** Whether the key is there, encrypted or not. */
  token: boolean;
  key: boolean;
  /** `github.source`, which decides which rights are needed. */
  source: string | null;
  /** A pool on AWS runs lost jobs again, which needs rights too. */
  reruns: boolean;
}

export type Login =
  { kind: "token"; token: string } | { kind: "app"; id: number; installation: number; key: string };

const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
const string = (value: unknown): string | null => (typeof value === "string" ? value : null);

export const presentOf = (config: Record<string, ConfigValue>): Present => {
  const found = config["muster:github"];
  const github = found && !found.secret ? record(found.value) : {};
  const { id, installation } = record(github.app);
  const appId = number(id);
  return {
    url: string(github.url),
    app: appId === null ? null : { id: appId, installation: number(installation) },
    token: "muster:githubToken" in config,
    key: "muster:githubAppKey" in config,
    source: string(github.source),
    reruns: rerunsOf(config),
  };
};

/** Without pools of its own a stack on AWS has one, with the default `rerun: once`. */
const rerunsOf = (config: Record<string, ConfigValue>): boolean => {
  const plain = (key: string) => {
    const found = config[key];
    return found && !found.secret ? record(found.value) : {};
  };
  const pools = Object.values(plain("muster:pools"));
  const never = pools.length > 0 && pools.every((pool) => record(pool).rerun === "never");
  return plain("muster:manager").on === "aws" && !never;
};

/** What would be written over, in words; none: nothing that anybody would miss. */
export const describe = ({ url, app, token, key }: Present): string[] => {
  const lines: string[] = [];
  if (app)
    lines.push(
      `the App ${app.id}, installation ${app.installation ?? "not chosen yet"}, at ${url ?? "no address"}`,
    );
  if (key) lines.push(`an App's key (muster:githubAppKey)${app ? "" : " without its App id"}`);
  if (token) lines.push(`a token (muster:githubToken) for ${url ?? "no address"}`);
  return lines;
};

/** The App at once, before it is installed: what GitHub tells only once must not be lost. */
export const saveApp = async (
  pulumi: Pulumi,
  app: { url: string; id: number; key: string },
): Promise<void> => {
  // The key first: without its id it is told as "not used", while an id without key would be useless.
  await pulumi.setSecret("muster:githubAppKey", app.key);
  await pulumi.remove(["muster:github.app.installation"]);
  await pulumi.setPlain({ "muster:github.url": app.url, "muster:github.app.id": app.id });
};

/** Writes the login and removes what belongs to the other way. */
export const saveLogin = async (
  pulumi: Pulumi,
  present: Present,
  url: string,
  login: Login,
): Promise<void> => {
  if (login.kind === "token") {
    await pulumi.setSecret("muster:githubToken", login.token);
    await pulumi.setPlain({ "muster:github.url": url });
    const other = [
      ...(present.app ? ["muster:github.app"] : []),
      ...(present.key ? ["muster:githubAppKey"] : []),
    ];
    return pulumi.remove(other);
  }
  await pulumi.setSecret("muster:githubAppKey", login.key);
  await pulumi.setPlain({
    "muster:github.url": url,
    "muster:github.app.id": login.id,
    "muster:github.app.installation": login.installation,
  });
  await pulumi.remove(present.token ? ["muster:githubToken"] : []);
};

/**
 * The settings as the program would take them, without running it.
 * @param root the checkout
 * @throws SettingsError
 */
export const settingsOf = (
  stack: string,
  config: Record<string, ConfigValue>,
  root: string,
  confinement: Confinement,
): Settings => {
  const ours = Object.entries(config).flatMap(([key, value]) =>
    key.startsWith("muster:") ? [[key.slice("muster:".length), value] as const] : [],
  );
  const plain = ours.flatMap(([key, value]) => (value.secret ? [] : [[key, value.value] as const]));
  return parseSettings({
    stack,
    values: Object.fromEntries(plain),
    secretKeys: new Set(ours.filter(([, value]) => value.secret).map(([key]) => key)),
    arch: arch() === "arm64" ? "ARM64" : arch().toUpperCase(),
    places: { root, home: homedir() },
    confinement,
  });
};

/** What the program would refuse, as it words it; nothing: preview has all it needs. */
export const stillWrong = async (
  stack: string,
  config: Record<string, ConfigValue>,
  root: string,
): Promise<string[]> => {
  try {
    settingsOf(stack, config, root, await detectConfinement());
    return [];
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return error.wrong.map(({ path, allowed }) => `${path}: ${typable(allowed)}`);
  }
};
