/** `muster setup`: how the stack logs in to GitHub, tried before it is stored. */
import { parseTarget, type Target } from "../../manager/github/url.ts";
import { visible } from "../../manager/web/visible.ts";
import { CliError } from "../errors.ts";
import { checkout, type Pulumi } from "../pulumi.ts";
import { readApp } from "./app.ts";
import type { SetupDeps } from "./deps.ts";
import { readKey, readKeyFile } from "./key-file.ts";
import { makeApp, ownerKind, waitForInstallation } from "./make-app.ts";
import { ownerOf, settingsUrl } from "./manifest.ts";
import { neededRights } from "./rights.ts";
import { describe, presentOf, saveApp, saveLogin, stillWrong, type Login, type Present } from "./store.ts";
import { checkToken, readToken, tokenPage } from "./token.ts";

export interface SetupOptions {
  /** Null: the stack's, or asked for. */
  url: string | null;
  way:
    | { kind: "make-app"; port: number }
    | { kind: "token" }
    /** Null: asked for. `keyFile` "-": standard input. */
    | { kind: "own-app"; id: number | null; keyFile: string | null; installation: number | null };
  /** Write over what is there without asking. */
  force: boolean;
}

/** What was set up; nothing in it is secret. */
export interface SetupResult {
  stack: string;
  url: string;
  login:
    | { kind: "app"; id: number; installation: number; name: string; settings: string }
    | { kind: "token"; expires: string | null; page: string };
  warnings: string[];
  /** What the program would still refuse. */
  missing: string[];
  next: string;
}

export const nextCommand = (stack: string): string => `npm run pulumi -- preview -s ${stack}`;

const urlOf = async (given: string | null, present: Present, deps: SetupDeps): Promise<Target> => {
  const what = "Where are the jobs? https://github.com/OWNER/REPOSITORY or https://github.com/ORGANISATION";
  const text =
    given ??
    (deps.terminal.interactive ? await deps.terminal.ask(what, present.url ?? undefined) : present.url);
  if (text === null || text === "")
    throw new CliError(
      "--url is missing: give the address of the repository or organisation that has the jobs.",
    );
  try {
    return parseTarget(text);
  } catch (error) {
    throw new CliError(`${visible((error as Error).message).replace("github.url", "--url")}.`);
  }
};

/** @throws CliError when something is there that nobody agreed to lose */
const consent = async (present: Present, options: SetupOptions, stack: string, deps: SetupDeps) => {
  const lines = describe(present);
  if (lines.length === 0) return;
  deps.say(`the stack ${stack} already has:\n${lines.map((line) => `    ${line}`).join("\n")}`);
  if (options.force) return deps.say("it is replaced once the new login was tried (--force)");
  if (!deps.terminal.interactive)
    throw new CliError("nothing was changed; --force replaces what the stack has.");
  if (!(await deps.terminal.yes("Replace it?"))) throw new CliError("nothing was changed.");
};

const noApps = (target: Target) =>
  new CliError(
    `${target.url}: an App cannot register an enterprise's runners. Make a classic token with ` +
      `manage_runners:enterprise (${tokenPage(target)}), then: muster setup --token --url ${target.url}`,
  );

/** @throws CliError, PulumiError */
export const setup = async (options: SetupOptions, pulumi: Pulumi, deps: SetupDeps): Promise<SetupResult> => {
  const { stack } = pulumi;
  const present = presentOf(await pulumi.config());
  const target = await urlOf(options.url, present, deps);
  const { way } = options;
  if (target.kind === "enterprise" && way.kind !== "token") throw noApps(target);
  const result = { stack, url: target.url, next: nextCommand(stack) };
  const end = async (login: SetupResult["login"], warnings: string[]): Promise<SetupResult> => {
    const missing = await stillWrong(stack, await pulumi.config(), checkout);
    return { ...result, login, warnings, missing };
  };
  const save = (login: Login) => saveLogin(pulumi, present, target.url, login);

  if (way.kind === "token") {
    await consent(present, options, stack, deps);
    const { terminal } = deps;
    if (terminal.interactive) deps.say(`tokens are made at ${tokenPage(target)}`);
    const token = readToken(terminal.interactive ? await terminal.hidden("token") : await terminal.all());
    const { expires, warnings } = await checkToken(target, token, present, deps);
    await save({ kind: "token", token });
    return end({ kind: "token", expires, page: tokenPage(target) }, warnings);
  }

  if (target.kind === "enterprise") throw noApps(target);
  const rights = neededRights(target.kind, present.source, present.reruns);
  if (way.kind === "own-app") {
    await consent(present, options, stack, deps);
    const id = way.id ?? appId(await asked("App id (on the App's settings page)", "--app-id", deps));
    const file = way.keyFile ?? (await asked("File of its private key", "--key-file", deps));
    const { key, warnings } =
      file === "-"
        ? { key: readKey(await deps.terminal.all(), "standard input"), warnings: [] }
        : await readKeyFile(file);
    const { app } = await readApp(target, id, key, deps);
    const wanted = { target, app, key, rights, wanted: way.installation };
    const found = await waitForInstallation(wanted, () => {}, 0, deps);
    const installation = found.installation.id;
    await save({ kind: "app", id, key, installation });
    const login = {
      kind: "app",
      id,
      installation,
      name: app.name,
      settings: settingsUrl(target, app),
    } as const;
    return end(login, [...warnings, ...found.warnings]);
  }

  const resume = options.force ? null : await interrupted(present, target, pulumi);
  if (resume) deps.say(`the App ${resume.id} of an earlier set-up is not installed yet: going on with it`);
  else {
    // An address that is wrong must be told before anybody agrees to lose something.
    await ownerKind(target, deps);
    await consent(present, options, stack, deps);
  }
  const made = await makeApp(
    {
      stack,
      target,
      rights,
      port: way.port,
      resume,
      next: result.next,
      save: ({ id, key }) => saveApp(pulumi, { url: target.url, id, key }),
      finish: ({ app, key, installation }) => save({ kind: "app", id: app.id, key, installation }),
    },
    deps,
  );
  const { app, installation, warnings } = made;
  return end(
    { kind: "app", id: app.id, installation, name: app.name, settings: settingsUrl(target, app) },
    warnings,
  );
};

/** The App that an earlier set-up made for the same owner and that has no installation yet. */
const interrupted = async (present: Present, target: Target, pulumi: Pulumi) => {
  const { app, url, key } = present;
  if (!app || app.installation !== null || !key || url === null) return null;
  if (ownerOf(parseTarget(url)).toLowerCase() !== ownerOf(target).toLowerCase()) return null;
  if (new URL(url).origin !== new URL(target.url).origin || parseTarget(url).kind !== target.kind)
    return null;
  const stored = await pulumi.secret("muster:githubAppKey");
  return stored === null ? null : { id: app.id, key: stored };
};

const asked = async (question: string, flag: string, deps: SetupDeps): Promise<string> => {
  if (!deps.terminal.interactive) throw new CliError(`${flag} is missing.`);
  return deps.terminal.ask(question);
};

/** @throws CliError */
export const appId = (text: string): number => {
  if (/^[1-9]\d{0,11}$/.test(text)) return Number(text);
  const client = /^Iv/.test(text) ? " (that is the client id)" : "";
  throw new CliError(
    `the App id is ${JSON.stringify(visible(text, 40))}; allowed is the number on its settings page${client}.`,
  );
};
