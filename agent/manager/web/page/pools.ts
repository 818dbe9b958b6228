/** Pools: a square for each machine and each free place, and what holds jobs up. */
import { html } from "hono/html";
import type { MachineView, ManagerState, PoolView } from "../../view.ts";
import type { Stage } from "../../world.ts";
import { age, duration, plural } from "./format.ts";

/** What a square can look like; free is a place without a machine. */
const looks = ["busy", "ready", "booting", "leaving", "lost", "free"] as const;
type Look = (typeof looks)[number];

export const lookOf: Readonly<Record<Stage, Look>> = {
  busy: "busy",
  listening: "ready",
  registered: "ready",
  enrolled: "ready",
  starting: "booting",
  asked: "booting",
  retiring: "leaving",
  done: "leaving",
  lost: "lost",
};
/** Free places beyond this are a number, not squares. */
const squaresMax = 240;

export const renderPools = (state: ManagerState) => html`
  <section aria-labelledby="pools">
    <h2 id="pools">Pools</h2>
    <div class="cards">${state.pools.map((pool) => poolCard(pool, state))}</div>
  </section>
`;

function poolCard(pool: PoolView, state: ManagerState) {
  const machines = state.machines.filter((machine) => machine.pool === pool.name);
  const notFree = machines.filter(({ stage }) => stage !== "done" && stage !== "lost").length;
  const free = Math.max(0, pool.max - notFree);
  return html`<article class="card" data-key="pool-${pool.name}">
    <header>
      <h3>${pool.name}</h3>
      <code>[${pool.labels.join(", ")}]</code>
      ${pool.gpu === null ? "" : html`<small>${pool.gpu === true ? "any GPU" : `GPU of ${pool.gpu}`}</small>`}
    </header>
    ${squares(machines, free)} ${counts(machines, free, pool)}
    <dl>
      <div>
        <dt>running</dt>
        <dd>${pool.running}</dd>
      </div>
      <div>
        <dt>waiting</dt>
        <dd>${pool.waiting}</dd>
      </div>
      <div>
        <dt>held at GitHub</dt>
        <dd>${pool.available}</dd>
      </div>
      <div>
        <dt>room in all</dt>
        <dd>${plural(pool.capacity, "job")}</dd>
      </div>
    </dl>
    ${pool.waits ? waits(pool.waits) : ""}
    ${pool.reasons.map(
      (each) =>
        html`<p class="note"><b>${each.reason}</b> holds up ${plural(each.jobs, "job")}: ${each.detail}</p>`,
    )}
    ${pool.warnings.map((sentence) => html`<p class="note">${sentence}</p>`)} ${refused(pool)}
    ${github(pool, state.atMs)}${source(pool)}
  </article>`;
}

function squares(machines: readonly MachineView[], free: number) {
  const drawn = Math.max(0, Math.min(free, squaresMax - machines.length));
  return html`<div class="squares" aria-hidden="true">
    ${machines.map(
      ({ id, stage, job }) =>
        html`<i class="look-${lookOf[stage]}" title="${id}: ${stage}${job === null ? "" : `, ${job}`}"></i>`,
    )}${Array.from({ length: drawn }, () => html`<i class="look-free"></i>`)}${
      free > drawn ? html`<span>and ${free - drawn} free places</span>` : ""
    }
  </div>`;
}

function counts(machines: readonly MachineView[], free: number, pool: PoolView) {
  const count = (look: Look) =>
    look === "free" ? free : machines.filter(({ stage }) => lookOf[stage] === look).length;
  const shown = looks.filter((look) => count(look) > 0);
  return html`<p class="counts">
    ${shown.map((look) => html`<span><i class="look-${look}" aria-hidden="true"></i>${count(look)} ${look}</span> `)}
    <span class="quiet">at most ${pool.max}${pool.minIdle > 0 ? `, ${pool.minIdle} kept ready` : ""}</span>
  </p>`;
}

const waits = ({ jobs, medianMs, p95Ms, maxMs }: NonNullable<PoolView["waits"]>) =>
  html`<p class="quiet">
    Queued to running, last ${plural(jobs, "job")}: median ${duration(medianMs)}, 95&nbsp;% within
    ${duration(p95Ms)}, longest ${duration(maxMs)}
  </p>`;

/** Scale sets are a matter of course. */
const source = ({ source }: PoolView) =>
  source?.is === "queued-runs"
    ? html`<p class="note"><b>queued runs</b> ${source.why ?? "are read"}</p>`
    : "";

/** A refusal that holds jobs up stands among the reasons already. */
function refused({ refused, reasons }: PoolView) {
  const said = new Set(reasons.map(({ detail }) => detail));
  return refused
    .filter(({ detail }) => !said.has(detail))
    .map(({ reason, detail }) => html`<p class="note"><b>${reason}</b> ${detail}</p>`);
}

function github({ github: { is, atMs, why } }: PoolView, now: number) {
  if (is === "fresh") return "";
  const since = atMs === null ? "not heard yet" : html`last heard ${age(atMs, now)} ago`;
  return html`<p class="note"><b>GitHub</b> ${since}${why ? html`: ${why}` : ""}</p>`;
}
