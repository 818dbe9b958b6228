/** GitHub Apps, installation tokens, repositories, rate limits. */
import { convert, type App } from "../core/apps.ts";
import { restRefusal } from "../core/errors.ts";
import type { Sim } from "../core/sim.ts";
import { sameName, type Repository, type Scope } from "../core/state.ts";
import type { InstallationOptions, Permissions } from "../options.ts";
import { caller, callingApp, isPerson, pathScope, repositoryOf } from "./auth.ts";
import { bearer, body, page, texts, type Ctx, type Handlers } from "./http.ts";
import { rateHeaders, rateWindow } from "./rate.ts";

const accountView = (sim: Sim, login: string) => ({
  login,
  type: isPerson(sim, login) ? "User" : "Organization",
});

const installationView = (sim: Sim, app: App, installation: InstallationOptions) => {
  const { id, account, permissions = app.permissions, repositories, suspended = false } = installation;
  const person = isPerson(sim, account);
  return {
    id,
    account: accountView(sim, account),
    app_id: app.id,
    target_type: person ? "User" : "Organization",
    permissions,
    repository_selection: repositories ? "selected" : "all",
    html_url: `${sim.origin}${person ? "" : `/organizations/${account}`}/settings/installations/${id}`,
    suspended_at: suspended ? isoSeconds(0) : null,
  };
};

const appView = (sim: Sim, app: App) => ({
  id: app.id,
  client_id: app.clientId,
  slug: app.slug,
  name: app.name,
  owner: accountView(sim, app.owner),
  permissions: app.permissions,
  events: [],
  html_url: `${sim.origin}/github-apps/${app.slug}`,
});

const covers = ({ repositories }: InstallationOptions, name: string) =>
  repositories === undefined || repositories.some((one) => sameName(one, name));

/** Asked-for rights must be held; asking for none gives all. */
function narrowed(held: Permissions, asked: unknown): Permissions {
  if (asked === undefined || asked === null) return held;
  const wanted = asked as Permissions;
  const missing = Object.entries(wanted).filter(
    ([name, level]) => held[name] === undefined || (level === "write" && held[name] === "read"),
  );
  if (missing.length === 0) return wanted;
  throw restRefusal(422, "The permissions requested are not granted to this installation.");
}

async function installationToken(sim: Sim, c: Ctx) {
  const app = callingApp(sim, c);
  const installation = app.installations.find(({ id }) => String(id) === c.req.param("id"));
  if (!installation) throw restRefusal(404, "Not Found");
  if (installation.suspended) throw restRefusal(403, "This installation has been suspended");
  const wanted = await body(c);
  const permissions = narrowed(installation.permissions ?? app.permissions, wanted["permissions"]);
  if (texts(wanted["repositories"]).some((name) => !covers(installation, name)))
    throw restRefusal(
      422,
      "There is at least one repository that does not exist or is not accessible to the parent installation.",
    );
  const { id: installationId, account } = installation;
  const holder = { installationId, account, permissions };
  const { value, expiresMs } = sim.tokens.issue(
    "installation",
    holder,
    sim.options.timings.installationTokenMs,
    {
      iss: `${app.id}`,
      sub: `${installationId}`,
    },
  );
  const answer = {
    token: value,
    expires_at: isoSeconds(expiresMs),
    permissions,
    repository_selection: "all",
  };
  return c.json(answer, 201);
}

/** GitHub's expiry times have no fraction: `2026-11-23T10:00:00Z`. */
export const isoSeconds = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");

/** The installation of an App's own JWT that covers a repository or organisation. */
function installationOf(sim: Sim, c: Ctx) {
  const app = callingApp(sim, c);
  const { owner, repo }: Scope = pathScope(sim, c, null);
  const found = app.installations.find(({ account }) => sameName(account, owner));
  if (!found || (repo !== null && !covers(found, repo))) throw restRefusal(404, "Not Found");
  return c.json(installationView(sim, app, found));
}

/** Without a login: the code is the secret. */
function conversion(sim: Sim, c: Ctx) {
  const found = convert(sim, c.req.param("code") ?? "");
  if (!found) throw restRefusal(404, "Not Found");
  const secrets = { client_secret: "simulated", webhook_secret: null, pem: found.pem };
  return c.json({ ...appView(sim, found.app), ...secrets }, 201);
}

/** Public, so without a login. */
function accountOf(sim: Sim, c: Ctx) {
  const login = c.req.param("login") ?? "";
  const known = [...sim.state.repositories.map(({ owner }) => owner), ...sim.options.users];
  const found = known.find((one) => sameName(one, login));
  if (found === undefined) throw restRefusal(404, "Not Found");
  return c.json(accountView(sim, found));
}

/** As a caller may see it; a person is no organisation. */
function organization(sim: Sim, c: Ctx) {
  const { owner } = pathScope(sim, c, caller(sim, c));
  if (isPerson(sim, owner)) throw restRefusal(404, "Not Found");
  return c.json(accountView(sim, owner));
}

export const repositoryView = (sim: Sim, repository: Repository) => ({
  id: repository.id,
  name: repository.name,
  full_name: `${repository.owner}/${repository.name}`,
  private: repository.private,
  visibility: repository.private ? "private" : "public",
  owner: { login: repository.owner, type: "Organization" },
  html_url: `${sim.origin}/${repository.owner}/${repository.name}`,
  default_branch: "main",
  archived: repository.archived,
  disabled: false,
  pushed_at: isoSeconds(lastPushMs(sim, repository)),
});

/** A repository's runs stand for its pushes. */
const lastPushMs = (sim: Sim, repository: Repository): number =>
  [...sim.state.runs.values()]
    .filter((run) => run.repository === repository)
    .reduce((last, run) => Math.max(last, run.createdMs), repository.createdMs);

/** Only an installation token has one (docs). */
function installationRepositories(sim: Sim, c: Ctx) {
  const { account } = caller(sim, c);
  if (account === null)
    throw restRefusal(
      403,
      "You must authenticate with an installation access token in order to list repositories for an installation.",
    );
  const own = sim.state.repositories.filter(({ owner }) => sameName(owner, account));
  const repositories = page(c, own).map((repository) => repositoryView(sim, repository));
  return c.json({ total_count: own.length, repository_selection: "all", repositories });
}

export const appHandlers = {
  "rest.app": (sim, c) => c.json(appView(sim, callingApp(sim, c))),
  "rest.manifest-conversion": conversion,
  "rest.account": accountOf,
  "rest.organization": organization,
  "rest.app-installations": (sim, c) => {
    const app = callingApp(sim, c);
    return c.json(app.installations.map((installation) => installationView(sim, app, installation)));
  },
  "rest.installation-token": installationToken,
  "rest.installation-of": installationOf,
  "rest.repository": (sim, c) =>
    c.json(repositoryView(sim, repositoryOf(sim, pathScope(sim, c, caller(sim, c)))!)),
  "rest.installation-repositories": installationRepositories,
  // Asking does not count (docs).
  "rest.rate-limit": (sim, c) => {
    const window = rateWindow(sim, bearer(c));
    for (const [name, value] of Object.entries(rateHeaders(sim, window))) c.header(name, value);
    const { rateLimit: limit } = sim.options;
    const core = {
      limit,
      used: window.used,
      remaining: Math.max(0, limit - window.used),
      reset: Math.ceil(window.resetMs / 1000),
    };
    return c.json({ resources: { core }, rate: core });
  },
} satisfies Partial<Handlers>;
