/** GitHub Apps over REST: making one from a manifest's code, and looking whether its installation will do. */
import { createAppAuth } from "@octokit/auth-app";
import * as z from "zod";
import { GitHubError } from "../../manager/github/errors.ts";
import { makeLogin } from "../../manager/github/login.ts";
import { defaultTimings } from "../../manager/github/timings.ts";
import type { Target } from "../../manager/github/url.ts";
import { visible } from "../../manager/web/visible.ts";
import { CliError } from "../errors.ts";
import type { SetupDeps } from "./deps.ts";
import { installUrl, ownerOf, settingsUrl, type AppPlace } from "./manifest.ts";
import { ask, type Answer } from "./rest.ts";
import { excessRights, missingRights, words, type Right } from "./rights.ts";

const name = z.string().min(1).max(200);
const account = z.object({ login: name, type: z.string().optional() });
const app = z.object({ id: z.int().min(1), slug: name, name, html_url: z.string(), owner: account });
const created = z.object({ ...app.shape, pem: z.string().min(1) });
const installations = z.array(
  z.object({
    id: z.int().min(1),
    account,
    html_url: z.string().optional(),
    permissions: z.record(z.string(), z.string()),
    suspended_at: z.nullish(z.string()),
  }),
);
export type Installation = z.infer<typeof installations>[number];

export interface App extends AppPlace {
  id: number;
  name: string;
}

const appOf = ({ id, slug, name, html_url: htmlUrl, owner }: z.infer<typeof app>): App => ({
  id,
  slug: visible(slug),
  name: visible(name),
  htmlUrl,
  owner: { login: visible(owner.login), kind: owner.type === "User" ? "user" : "organization" },
});

const parse = <T>(schema: z.ZodType<T>, { body, status }: Answer, what: string): T => {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  // Not the body: it may hold a key.
  throw new CliError(`${what}: GitHub's answer (status ${status}) is not what its documentation describes.`);
};

/**
 * Exchanges a manifest's code, which is good for an hour and once.
 * @throws Unanswered: the code may still be good. CliError: it is not
 */
export const convert = async (
  target: Target,
  code: string,
  deps: SetupDeps,
): Promise<{ app: App; key: string }> => {
  const what = "fetching the App's key";
  const url = `${target.api}/app-manifests/${encodeURIComponent(code)}/conversions`;
  const answer = await ask({ what, method: "POST", url }, deps);
  if (answer.status === 201) {
    const { pem, ...rest } = parse(created, answer, what);
    return { app: appOf(rest), key: pem };
  }
  const list = new URL(target.url).origin;
  if (answer.status === 404 || answer.status === 422)
    throw new CliError(
      "GitHub does not know this code (any more): it is good once and for an hour, so an answer may have been lost. " +
        `An App that was made by it has no key that anybody knows: delete it (${list}/settings/apps, or ` +
        `${list}/organizations/${ownerOf(target)}/settings/apps), then run muster setup again.`,
    );
  throw new CliError(`${what}: GitHub refused with status ${answer.status} (${answer.message}).`);
};

/** The App's own token: ten minutes at most. @throws when the key cannot sign */
const appToken = async (appId: number, key: string): Promise<string> => {
  const auth = createAppAuth({ appId, privateKey: key });
  return (await auth({ type: "app" })).token;
};

/**
 * Whether App id and key belong together.
 * @throws CliError with the cure
 */
export const readApp = async (
  target: Target,
  appId: number,
  key: string,
  deps: SetupDeps,
): Promise<{ app: App; token: string }> => {
  const what = `checking the App ${appId}`;
  const token = await appToken(appId, key);
  const answer = await ask({ what, url: `${target.api}/app`, token }, deps);
  if (answer.status === 200) {
    const found = parse(app, answer, what);
    if (found.id === appId) return { app: appOf(found), token };
    throw new CliError(`${what}: the key belongs to the App ${found.id}, not to ${appId}.`);
  }
  const date = Date.parse(answer.headers.get("date") ?? "");
  const offMs = deps.wallMs() - date;
  const clock =
    Math.abs(offMs) > 60_000
      ? ` This computer's clock is ${Math.round(Math.abs(offMs) / 1000)} s ${offMs > 0 ? "ahead of" : "behind"} GitHub's: set it right first.`
      : "";
  throw new CliError(
    `${what}: GitHub refused with status ${answer.status} (${answer.message}).${clock} ` +
      "Compare the App id on the App's settings page, where a new private key can be made too.",
  );
};

export type Look =
  { ok: true; installation: Installation; warnings: string[] } | { ok: false; problem: string };

/**
 * Looks for the installation that covers the target, whether it holds the rights, and makes the very call that the
 * manager will make. What is not right yet and can be mended in the browser is a problem, not an error.
 * @param wanted an installation's id; null: the one of the target's owner
 * @throws CliError, Unanswered
 */
export const look = async (
  options: { target: Target; app: App; key: string; rights: readonly Right[]; wanted: number | null },
  deps: SetupDeps,
): Promise<Look> => {
  const { target, app, key, rights, wanted } = options;
  const problem = (text: string): Look => ({ ok: false, problem: text });
  const what = `looking for the installation of ${app.name}`;
  const { token } = await readApp(target, app.id, key, deps);
  const answer = await ask({ what, url: `${target.api}/app/installations?per_page=100`, token }, deps);
  if (answer.status !== 200)
    throw new CliError(`${what}: GitHub refused with status ${answer.status} (${answer.message}).`);
  const all = parse(installations, answer, what);
  const owner = ownerOf(target);
  const found = all.find(({ id, account: { login } }) =>
    wanted === null ? login.toLowerCase() === owner.toLowerCase() : id === wanted,
  );
  if (!found) {
    const others = all.map(({ id, account: { login } }) => `${visible(login)} (${id})`).join(", ");
    const where = others === "" ? "is not installed yet" : `is installed for ${others} only`;
    const which = wanted === null ? `choose ${owner}` : `${wanted} is none of its installations`;
    return problem(`${app.name} ${where}: ${which}, at ${installUrl(target, app)}`);
  }
  if (found.account.login.toLowerCase() !== owner.toLowerCase())
    return problem(
      `installation ${found.id} is for ${visible(found.account.login)}, not for ${owner}, which owns ${target.url}`,
    );
  const page = found.html_url === undefined ? settingsUrl(target, app) : visible(found.html_url);
  if (found.suspended_at)
    return problem(`installation ${found.id} of ${app.name} is suspended: unsuspend it at ${page}`);
  const missing = missingRights(rights, found.permissions);
  if (missing.length > 0)
    return problem(
      `installation ${found.id} of ${app.name} lacks ${missing.map((right) => `"${words(right)}"`).join(" and ")}: ` +
        `add it at ${settingsUrl(target, app)}/permissions, then accept it at ${page}`,
    );
  if (target.kind === "repository") {
    const covers = await ask({ what, url: `${target.api}${target.path}/installation`, token }, deps);
    if (covers.status === 404)
      return problem(
        `installation ${found.id} of ${app.name} does not cover ${owner}/${target.repository}: add the repository at ${page}`,
      );
  }
  const refused = await tryRegistration(options, found.id, deps);
  if (refused !== null) return problem(refused);
  const excess = excessRights(rights, found.permissions);
  const warnings = excess.map(
    (right) => `${app.name} also holds "${visible(right)}", which muster does not need: remove it there`,
  );
  return { ok: true, installation: found, warnings };
};

/** The manager's own login and its first call; in words why it is refused, or null. */
const tryRegistration = async (
  { target, app, key }: { target: Target; app: App; key: string },
  installationId: number,
  deps: SetupDeps,
): Promise<string | null> => {
  const login = { kind: "app", appId: app.id, installationId } as const;
  const rest = makeLogin(target, login, { githubAppKey: key }, defaultTimings, deps.manager);
  const call = {
    what: "asking for a registration token",
    route: `POST ${target.path}/actions/runners/registration-token`,
  };
  try {
    await rest.call(call, deps.signal);
    return null;
  } catch (error) {
    if (deps.signal.aborted) throw new CliError("interrupted.");
    if (error instanceof GitHubError) return error.message;
    throw error;
  }
};
