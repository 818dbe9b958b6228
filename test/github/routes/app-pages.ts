/** The pages of GitHub on which a person makes and installs an App. Who is logged in there is not simulated. */
import { html } from "hono/html";
import { createApp, install, readManifest, type App } from "../core/apps.ts";
import { restRefusal } from "../core/errors.ts";
import type { Sim } from "../core/sim.ts";
import { sameName } from "../core/state.ts";
import { isPerson, knownScope } from "./auth.ts";
import type { Ctx, Handlers } from "./http.ts";

/** The organisation in the path, or else the personal account that is logged in: the first one. */
function ownerOf(sim: Sim, c: Ctx): string {
  const organisation = c.req.param("organization");
  if (organisation === undefined) return sim.options.users[0] ?? "somebody";
  const scope = knownScope(sim, { owner: organisation, repo: null });
  if (!scope || isPerson(sim, scope.owner)) throw restRefusal(404, "Not Found");
  return scope.owner;
}

async function fields(c: Ctx): Promise<Record<string, string>> {
  const form = await c.req.parseBody();
  return Object.fromEntries(Object.entries(form).map(([name, value]) => [name, String(value)]));
}

const page = (c: Ctx, title: string, body: unknown) =>
  c.html(
    html`<!doctype html>
      <html lang="en">
        <head>
          <title>${title} · GitHub simulator</title>
        </head>
        <body>
          <h1>${title}</h1>
          ${body}
        </body>
      </html>`,
  );

/** What the manifest is posted to: the name can still be changed, and nothing is made yet. */
async function newApp(sim: Sim, c: Ctx) {
  const { manifest = "" } = await fields(c);
  const { name } = readManifest(manifest);
  const owner = ownerOf(sim, c);
  const action = c.req.path.replace(/\/new$/, "");
  return page(
    c,
    `Create GitHub App for ${owner}`,
    html`<form method="post" action="${action}">
      <input type="hidden" name="manifest" value="${manifest}" />
      <input type="hidden" name="state" value="${c.req.query("state") ?? ""}" />
      <input name="name" value="${name}" />
      <button>Create GitHub App for ${owner}</button>
    </form>`,
  );
}

async function makeApp(sim: Sim, c: Ctx) {
  const { manifest = "", name = "", state = "" } = await fields(c);
  const wanted = readManifest(manifest);
  const code = createApp(sim, wanted, name, ownerOf(sim, c));
  const back = new URL(wanted.redirectUrl);
  back.searchParams.set("code", code);
  if (state !== "") back.searchParams.set("state", state);
  return c.redirect(back.href, 302);
}

function pathApp(sim: Sim, c: Ctx): App {
  const app = sim.state.apps.find(({ slug }) => slug === c.req.param("slug"));
  if (!app) throw restRefusal(404, "Not Found");
  return app;
}

/** `repositories`: names without owner, separated by blanks; empty for all. */
function installPage(sim: Sim, c: Ctx) {
  const app = pathApp(sim, c);
  return page(
    c,
    `Install ${app.name}`,
    html`<form method="post" action="${c.req.path.replace(/\/new$/, "")}">
      <input name="account" value="${app.owner}" />
      <input name="repositories" value="" />
      <button>Install</button>
    </form>`,
  );
}

async function installApp(sim: Sim, c: Ctx) {
  const app = pathApp(sim, c);
  const { account = "", repositories = "" } = await fields(c);
  if (app.private && !sameName(account, app.owner)) throw restRefusal(404, "Not Found");
  const names = repositories.split(/\s+/).filter(Boolean);
  const id = install(sim, app, { account, ...(names.length > 0 && { repositories: names }) });
  return page(c, `${app.name} is installed`, html`<p>Installation ${id} for ${account}.</p>`);
}

export const appPageHandlers = {
  "web.new-app": newApp,
  "web.make-app": makeApp,
  "web.install-page": installPage,
  "web.install-app": installApp,
} satisfies Partial<Handlers>;
