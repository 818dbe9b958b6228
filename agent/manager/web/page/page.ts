/** GET / and what belongs to it: one document, rendered here, kept live by one static script. Read-only. */
import { Hono } from "hono";
import { html } from "hono/html";
import type { ManagerState } from "../../view.ts";
import type { Env } from "../http.ts";
import { age, duration, plural } from "./format.ts";
import { renderBoots } from "./boots.ts";
import { renderJobs } from "./jobs.ts";
import { renderMachines } from "./machines.ts";
import { renderPools } from "./pools.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

export function pageRoutes(handlers: { state(): ManagerState }): Hono<Env> {
  const app = new Hono<Env>();
  app.get("/", (c) => c.html(renderDocument(handlers.state())));
  app.get("/page.js", (c) => c.body(script, 200, { "content-type": "text/javascript; charset=utf-8" }));
  app.get("/page.css", (c) => c.body(style, 200, { "content-type": "text/css; charset=utf-8" }));
  app.get("/icon.svg", (c) => c.body(icon, 200, { "content-type": "image/svg+xml" }));
  return app;
}

export const renderDocument = (state: ManagerState): string =>
  String(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          <title>${titleOf(state)}</title>
          <link rel="icon" href="/icon.svg" />
          <link rel="stylesheet" href="/page.css" />
          <script src="/page.js" defer></script>
          <noscript><meta http-equiv="refresh" content="10" /></noscript>
        </head>
        <body>
          <p id="live" role="status">as of ${new Date(state.atMs).toISOString().slice(11, 19)}</p>
          ${mainOf(state)}
        </body>
      </html> `,
  );

/** What a live page replaces. */
export const renderMain = (state: ManagerState): string => String(mainOf(state));

const mainOf = (state: ManagerState) =>
  html`<main data-title="${titleOf(state)}" data-now="${state.atMs}">
    <header class="top">
      <h1><small>${state.stack.project}</small>${state.stack.name}</h1>
      <p>${summary(state)}</p>
    </header>
    ${alerts(state)} ${renderPools(state)} ${renderJobs(state)} ${renderMachines(state)} ${renderBoots(state)}
    <footer class="quiet">
      manager up ${age(state.startedMs, state.atMs)} · settings ${state.configHash.slice(0, 12)} · bundle
      ${state.managerBundle.slice(0, 12)} · ${reach(state)}times are UTC · <a href="/metrics">metrics</a> ·
      <a href="/api/state">state</a>
    </footer>
  </main>`;

/** Quiet while all is well; what is not is an alert. */
function reach({ connect }: ManagerState) {
  const well = connect.filter(({ ms, warning }) => ms !== null && warning === null);
  if (well.length === 0) return "";
  const figures = well.map(
    ({ is, host, ms, proxy }) =>
      html`<span title="${host}${proxy === null ? "" : ` through the proxy ${proxy}`}"
        >${is} ${Math.round(ms!)}&nbsp;ms${proxy === null ? "" : " to the proxy"}</span
      > `,
  );
  return html`GitHub ${figures}· `;
}

function alerts({ healthy, problem, draining, connect, credential }: ManagerState) {
  return html`${
    healthy
      ? ""
      : html`<p class="alert" role="alert">
          <b>Not healthy.</b> ${problem ?? "The manager does not say why."}
        </p>`
  }
  ${connect.map(({ ms, warning }) =>
    warning === null
      ? ""
      : ms === null
        ? html`<p class="alert"><b>No connection to GitHub.</b> ${warning}</p>`
        : html`<p class="alert slow"><b>GitHub is far away.</b> ${warning}</p>`,
  )}
  ${
    draining
      ? html`<p class="alert"><b>Draining.</b> No machine is launched; busy ones finish their job.</p>`
      : ""
  }
  ${credential?.warning ? html`<p class="alert"><b>Login.</b> ${credential.warning}.</p>` : ""}`;
}

function summary(state: ManagerState): string {
  const { running, waiting } = totals(state);
  const oldest = Math.max(
    ...state.jobs.map(({ state: is, waitMs }) => (is === "assigned" || is === "queued" ? (waitMs ?? 0) : 0)),
    0,
  );
  const wait =
    waiting === 0
      ? "none waits"
      : `${waiting} wait${waiting === 1 ? "s" : ""}${oldest > 0 ? `, the oldest for ${duration(oldest)}` : ""}`;
  return `${plural(running, "job")} running, ${wait}; ${plural(state.machines.length, "machine")}.`;
}

const totals = ({ pools }: ManagerState) => ({
  running: pools.reduce((sum, pool) => sum + pool.running, 0),
  waiting: pools.reduce((sum, pool) => sum + pool.waiting + pool.available, 0),
});

function titleOf(state: ManagerState): string {
  const { running, waiting } = totals(state);
  return `${state.healthy ? "" : "! "}${running} running, ${waiting} waiting · ${state.stack.name}`;
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">
<rect x="1" y="1" width="6" height="6" rx="1" fill="#2f6fdb"/><rect x="9" y="1" width="6" height="6" rx="1" fill="#2f6fdb"/>
<rect x="1" y="9" width="6" height="6" rx="1" fill="#2b9a66"/><rect x="9.5" y="9.5" width="5" height="5" rx="1" fill="none" stroke="#8b93a0"/>
</svg>`;
