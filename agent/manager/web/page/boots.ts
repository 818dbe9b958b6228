/** Boots that failed: what machines said, and the consoles of those that never called. They outlive their machines. */
import { html } from "hono/html";
import { type BootView, bootTold, type ManagerState } from "../../view.ts";
import { age, plural } from "./format.ts";

const bootsDrawnMax = 10;

export function renderBoots({ failedBoots = [], atMs }: ManagerState) {
  if (failedBoots.length === 0) return "";
  const more = failedBoots.length - bootsDrawnMax;
  return html`<section aria-labelledby="boots">
    <h2 id="boots">Boots that failed</h2>
    <ul class="jobs">
      ${failedBoots.slice(0, bootsDrawnMax).map((view) => bootRow(view, atMs))}
    </ul>
    ${more > 0 ? html`<p class="quiet">and ${plural(more, "more")} in <a href="/api/state">/api/state</a></p>` : ""}
  </section>`;
}

function bootRow(view: BootView, now: number) {
  const { machine, pool, phase, atMs, lines } = view;
  return html`<li data-key="boot-${machine}-${phase}-${atMs}">
    <details>
      <summary>
        <span class="what"
          ><b>${machine}</b
          ><small
            >${pool} · ${age(atMs, now)} ago · ${bootTold(view)}: ${lines.at(-1) ?? "nothing"}</small
          ></span
        >
      </summary>
      <div class="steps">${lines.map((line) => html`<code>${line}</code><br />`)}</div>
    </details>
  </li>`;
}
