/** Pulumi's side: engine, login, stack, passphrase, settings. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { PulumiError } from "../pulumi.ts";
import type { Facts } from "./facts.ts";
import { blocker, type Finding, Missing, ok, warning } from "./finding.ts";

const pulumiMs = 60_000;

const lastLine = (text: string) => text.trim().split("\n").at(-1)?.slice(0, 300) ?? "";

export const engineCheck = async (facts: Facts): Promise<Finding[]> => {
  const found = await facts.engine();
  if ("minimum" in found)
    return [
      warning(
        "pulumi-engine",
        `no Pulumi ${found.minimum} or later on PATH or in this project's cache: the first command downloads it, or builds it where Go is installed`,
        "npm run pulumi -- version (or install it: https://www.pulumi.com/docs/install/)",
      ),
    ];
  const plugin =
    found.command === "real"
      ? ""
      : "; @pulumi/command runs in this project's stand-in, which really runs the commands";
  const from = found.source === "path" ? "from PATH" : "from this project's cache";
  return [ok("pulumi-engine", `${found.version}, ${from} (${found.directory})${plugin}`)];
};

export const pulumiLoginCheck = async (facts: Facts): Promise<Finding[]> => {
  if (facts.stack === "local")
    return [ok("pulumi-login", "none is needed: the stack local keeps its state in .muster/backend")];
  if (!("version" in (await facts.engine()))) throw new Missing("there is no Pulumi engine");
  const ran = await facts.deps.pulumi(facts.stack).run(["whoami"], { limitMs: pulumiMs, ofStack: false });
  if (ran.code === 0) return [ok("pulumi-login", `as ${ran.stdout.trim()}`)];
  return [
    blocker("pulumi-login", `Pulumi is not logged in: ${lastLine(ran.stderr)}`, "npm run pulumi -- login"),
  ];
};

export const stackCheck = async (facts: Facts): Promise<Finding[]> => {
  const { stack } = facts;
  const cure = `npm run muster -- setup${stack === "local" ? "" : ` --stack ${stack}`} (or: npm run pulumi -- stack init ${stack})`;
  if (!(await facts.isMade())) return [blocker("stack", `the stack ${stack} is not made yet`, cure)];
  try {
    await facts.config();
  } catch (error) {
    if (!(error instanceof PulumiError)) throw error;
    if (/no stack named/.test(error.ran.stderr))
      return [blocker("stack", `there is no stack ${stack} where Pulumi is logged in`, cure)];
    return [
      blocker(
        "stack",
        `its configuration cannot be read: ${lastLine(error.ran.stderr)}`,
        `npm run pulumi -- config -s ${stack}`,
      ),
    ];
  }
  return [ok("stack", `${stack} exists`)];
};

export const passphraseCheck = async (facts: Facts): Promise<Finding[]> => {
  const { stack, deps } = facts;
  const file = join(deps.root, ".muster/passphrase");
  if (!(await facts.isMade())) throw new Missing(`the stack ${stack} is not made yet`);
  if (stack === "local") {
    const found = await stat(file).catch(() => null);
    if (!found)
      return [
        blocker(
          "passphrase",
          `${file} is gone, and with it the secrets of the stack local`,
          "put it back; or set the secrets again: npm run muster -- setup",
        ),
      ];
    if ((found.mode & 0o077) !== 0)
      return [
        warning("passphrase", `${file} can be read by other users of this computer`, `chmod 600 ${file}`),
      ];
  }
  const config = await facts.config();
  const secret = Object.entries(config).find(
    ([key, value]) => key.startsWith("muster:") && value.secret,
  )?.[0];
  if (secret === undefined) return [ok("passphrase", "not needed yet: no secret is set")];
  const ran = await deps.pulumi(stack).run(["config", "get", secret], { limitMs: pulumiMs });
  if (ran.code === 0) return [ok("passphrase", `decrypts ${secret}`)];
  return [
    blocker(
      "passphrase",
      `${secret} cannot be decrypted: ${lastLine(ran.stderr)}`,
      stack === "local"
        ? `set it again: npm run pulumi -- config set --secret ${secret} -s local`
        : "export PULUMI_CONFIG_PASSPHRASE_FILE=FILE, with the stack's passphrase in it",
    ),
  ];
};

interface WrongSettings {
  wrong: readonly { path: string; given: string | null; allowed: string }[];
}
const isWrong = (error: unknown): error is Error & WrongSettings =>
  error instanceof Error && Array.isArray((error as Partial<WrongSettings>).wrong);

/** A setting's message ends with its cure where it has one: `...; pulumi config set ...`. */
const split = (allowed: string): [string, string] => {
  const at = allowed.search(/pulumi config (set|rm)/);
  if (at < 0) return [allowed, ""];
  return [
    allowed.slice(0, at).replace(/[;:,\s]+$/, ""),
    `npm run ${allowed.slice(at).replace(/pulumi config/g, "pulumi -- config")}`,
  ];
};

const change = (path: string, allowed: string, stack: string): string =>
  allowed.startsWith("not a setting")
    ? `npm run pulumi -- config rm --path ${path} -s ${stack}`
    : `npm run pulumi -- config set --path ${path} VALUE -s ${stack}`;

export const settingsCheck = async (facts: Facts): Promise<Finding[]> => {
  try {
    const { pools, github } = await facts.settings();
    const count = Object.keys(pools).length;
    return [ok("settings", `${count === 1 ? "one pool" : `${count} pools`} for ${github.url}`)];
  } catch (error) {
    if (!isWrong(error)) throw error;
    return error.wrong.map(({ path, given, allowed }) => {
      const [said, cure] = split(allowed);
      return blocker(
        "settings",
        `${path}${given === null ? "" : ` = ${given}`}: ${said}`,
        cure || change(path, allowed, facts.stack),
      );
    });
  }
};
