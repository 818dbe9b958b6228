/** What the browser shows while an App is made. No script: the page that waits asks for itself again. */
import { html } from "hono/html";
import type { HtmlEscapedString } from "hono/utils/html";
import type { Target } from "../../manager/github/url.ts";
import { ownerOf, type Manifest, type OwnerKind } from "./manifest.ts";
import type { Right } from "./rights.ts";

export type View =
  | {
      kind: "offer";
      stack: string;
      target: Target;
      rights: readonly Right[];
      manifest: Manifest;
      /** Where the form may go; two where GitHub did not tell whose account the owner is. */
      actions: readonly { owner: OwnerKind; url: string }[];
    }
  | { kind: "retry"; problem: string }
  | { kind: "install"; app: string; target: Target; url: string; problem: string | null }
  | { kind: "done"; text: string; next: string }
  | { kind: "failed"; problem: string };

type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

const steps = ["Create the App", "Install it", "Done"];
const stepOf: Record<View["kind"], number> = { offer: 0, retry: 0, install: 1, done: 2, failed: -1 };

/** @param path of the page itself, which only the link in the terminal names */
export const renderPage = (view: View, path: string): string =>
  String(
    html`<!doctype html>
      <html lang="en">
        <head>
          <meta charset="utf-8" />
          <meta name="viewport" content="width=device-width, initial-scale=1" />
          <meta name="color-scheme" content="light dark" />
          ${view.kind === "install" ? html`<meta http-equiv="refresh" content="3" />` : ""}
          <title>${titleOf(view)} · muster setup</title>
          <link rel="stylesheet" href="/page.css" />
        </head>
        <body>
          <header>
            <p class="quiet">muster setup</p>
            <h1>${titleOf(view)}</h1>
          </header>
          ${view.kind === "failed" ? "" : progress(stepOf[view.kind])}
          <main>${bodyOf(view, path)}</main>
        </body>
      </html> `,
  );

const titles: Record<View["kind"], string> = {
  offer: "A GitHub App for your runners",
  retry: "GitHub did not answer",
  install: "Install the App",
  done: "GitHub is set up",
  failed: "This did not work",
};
const titleOf = ({ kind }: View) => titles[kind];

const progress = (now: number) =>
  html`<ol class="steps">
    ${steps.map(
      (step, index) =>
        html`<li
          class="${index < now || now === 2 ? "past" : ""}"
          ${index === now ? html`aria-current="step"` : ""}
        >
          ${step}
        </li>`,
    )}
  </ol>`;

const bodyOf = (view: View, path: string): Html => {
  if (view.kind === "offer") return offer(view, path);
  if (view.kind === "install") return install(view, path);
  if (view.kind === "retry")
    return html`<p class="alert" role="alert">${view.problem}</p>
      <p>The App exists, and its key can be fetched for an hour.</p>
      <form method="post" action="${path}/retry"><button>Try again</button></form>
      ${cancel(path)}`;
  if (view.kind === "done")
    return html`<p>${view.text}</p>
      <p>
        The key is in the stack's configuration, encrypted. You can close this page. In the terminal, next:
      </p>
      <p><code class="block">${view.next}</code></p>`;
  return html`<p class="alert" role="alert">${view.problem}</p>
    <p>The terminal says the same. You can close this page.</p>`;
};

const cancel = (path: string) =>
  html`<form method="post" action="${path}/cancel"><button class="plain">Cancel</button></form>`;

const offer = ({ stack, target, rights, manifest, actions }: View & { kind: "offer" }, path: string) => {
  const owner = ownerOf(target);
  const label = { organization: "the organisation", user: "the personal account" };
  const only = actions.length === 1 ? actions[0]! : null;
  return html`<p>
      The stack <b>${stack}</b> will log in to GitHub with an App of its own, to run jobs of
      <b>${target.url}</b>. The button below opens GitHub, where you can change the App's name, and create it.
    </p>
    <h2>What it may do</h2>
    <table>
      <thead>
        <tr>
          <th>Permission</th>
          <th>Access</th>
          <th>Why</th>
        </tr>
      </thead>
      <tbody>
        ${rights.map(
          ({ group, name, level, why }) =>
            html`<tr>
              <th scope="row">${name}<small>${group}</small></th>
              <td data-label="Access">${level === "write" ? "read and write" : "read"}</td>
              <td data-label="Why">${why}</td>
            </tr>`,
        )}
      </tbody>
    </table>
    <h2>What is created</h2>
    <dl>
      <dt>Name</dt>
      <dd>${manifest.name}</dd>
      <dt>Owner</dt>
      <dd>${owner}${only ? html`, ${label[only.owner]}` : ""}</dd>
      <dt>Webhook</dt>
      <dd>none</dd>
      <dt>Visibility</dt>
      <dd>private: only ${owner} can install it</dd>
      <dt>Key</dt>
      <dd>goes from GitHub straight into the stack's configuration, encrypted</dd>
    </dl>
    ${actions.map(
      (action) =>
        html`<form method="post" action="${action.url}">
          <input type="hidden" name="manifest" value="${JSON.stringify(manifest)}" />
          <button>
            Continue at
            GitHub${only ? "" : html`: ${owner} is ${action.owner === "user" ? "my own account" : "an organisation"}`}
          </button>
        </form>`,
    )}
    <p class="quiet">
      Be logged in to GitHub in this
      browser${only?.owner === "user" ? "." : html`, as an owner of ${owner}: nobody else may create Apps there.`}
    </p>
    ${cancel(path)}`;
};

/** Addresses of the same GitHub as links; anything else stays text. */
const linked = (text: string, target: Target) =>
  text
    .split(/(https?:\/\/[^\s,;]+)/)
    .map((part) =>
      part.startsWith(`${new URL(target.url).origin}/`)
        ? html`<a href="${part}" target="_blank" rel="noopener noreferrer">${part}</a>`
        : part,
    );

const install = ({ app, target, url, problem }: View & { kind: "install" }, path: string) => {
  const which =
    target.repository === null
      ? html`Choose <b>${ownerOf(target)}</b>.`
      : html`Choose <b>Only select repositories</b> and <b>${ownerOf(target)}/${target.repository}</b>.`;
  return html`<p>The App <b>${app}</b> is created and its key is stored. Now install it. ${which}</p>
    <p><a class="button" href="${url}" target="_blank" rel="noopener noreferrer">Install at GitHub</a></p>
    <p class="note" role="status">
      ${problem === null ? "Looking for the installation." : html`Waiting: ${linked(problem, target)}.`}
    </p>
    <p class="quiet">
      This page looks again every three seconds. Closed by mistake, or somebody else must approve? Run the
      same command again later: it goes on from here.
    </p>
    ${cancel(path)}`;
};
