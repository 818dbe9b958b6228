/** GitHub Apps, installation tokens, repositories, rate limits. */
import { restRefusal } from "../core/errors.ts";
import type { Sim } from "../core/sim.ts";
import { sameName, type Repository, type Scope } from "../core/state.ts";
import type { AppOptions, Permissions } from "../options.ts";
import { caller, callingApp, pathScope, repositoryOf } from "./auth.ts";
import { bearer, body, type Ctx, type Handlers, page } from "./http.ts";
import { rateHeaders, rateWindow } from "./rate.ts";

/** What an installation may do when its options do not say: everything that muster can use. */
const allPermissions: Permissions = {
  actions: "write",
  administration: "write",
  metadata: "read",
  organization_self_hosted_runners: "write",
};

type Installation = AppOptions["installations"][number];

const installationView = (app: AppOptions, { id, account, permissions = allPermissions }: Installation) => ({
  id,
  account: { login: account },
  app_id: app.id,
  permissions,
  repository_selection: "all",
});

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
  const permissions = narrowed(installation.permissions ?? allPermissions, (await body(c))["permissions"]);
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
  const { owner }: Scope = pathScope(sim, c, null);
  const found = app.installations.find(({ account }) => sameName(account, owner));
  if (!found) throw restRefusal(404, "Not Found");
  return c.json(installationView(app, found));
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
  "rest.app": (sim, c) => {
    const { id, clientId } = callingApp(sim, c);
    return c.json({ id, client_id: clientId ?? `Iv23sim${id}`, slug: `app-${id}`, name: `app-${id}` });
  },
  "rest.app-installations": (sim, c) => {
    const app = callingApp(sim, c);
    return c.json(app.installations.map((installation) => installationView(app, installation)));
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
