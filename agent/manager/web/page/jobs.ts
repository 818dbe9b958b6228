/** Jobs: how each one got from queued to done, to a common scale, and why it waits. */
import { html } from "hono/html";
import type { JobView, ManagerState } from "../../view.ts";
import { clockTime, duration, plural } from "./format.ts";
import { doing, ranMs, scaleMs, waitSegments, type Segment } from "./timeline.ts";

/** More is for the API; nobody reads them here. */
const jobsDrawnMax = 100;

export function renderJobs(state: ManagerState) {
  const now = state.atMs;
  const rows = state.jobs.slice(0, jobsDrawnMax).map((job) => ({
    job,
    waited: waitSegments(job, now),
    ran: ranMs(job, now),
  }));
  const waitScale = scaleMs(rows.map(({ waited }) => waited.at(-1)?.toMs ?? 0));
  const runScale = scaleMs(rows.map(({ ran }) => ran ?? 0));
  const more = state.jobs.length - rows.length;
  return html`<section aria-labelledby="jobs">
    <h2 id="jobs">Jobs</h2>
    ${
      rows.length === 0
        ? html`<p class="empty">
            No job yet. One that asks for a pool's labels in its <code>runs-on</code> appears here.
          </p>`
        : html`<p class="legend">
              ${Object.entries(doing).map(
                ([step, what]) =>
                  html`<span><i class="step-${className(step)}" aria-hidden="true"></i>${what}</span> `,
              )}
              <span><i class="step-running" aria-hidden="true"></i>running</span>
              <span><i class="step-failed" aria-hidden="true"></i>failed</span>
            </p>
            <div class="row head" aria-hidden="true">
              <span>job</span>
              <span class="scale">until it ran <span>${duration(waitScale)}</span></span>
              <span class="scale">ran <span>${duration(runScale)}</span></span>
            </div>
            <ol class="jobs">
              ${rows.map(({ job, waited, ran }) => jobRow(job, { waited, waitScale, ran, runScale }))}
            </ol>`
    }
    ${more > 0 ? html`<p class="quiet">and ${plural(more, "more job")} in <a href="/api/state">/api/state</a></p>` : ""}
  </section>`;
}

interface Lengths {
  waited: readonly Segment[];
  waitScale: number;
  ran: number | null;
  runScale: number;
}

function jobRow(job: JobView, { waited, waitScale, ran, runScale }: Lengths) {
  const look = job.result === "succeeded" || job.state !== "completed" ? "running" : runLook(job.result);
  return html`<li data-key="job-${job.id}">
    <details>
      <summary class="row">
        <span class="what">
          <b>${job.name}</b>
          <small>${job.repository} · ${job.pool} · run ${job.workflowRun}</small>
        </span>
        <span class="bar">
          ${bar(
            waited.map((each) => ({ ...each, look: className(each.step), title: each.doing })),
            waitScale,
          )}
          <span class="figure">${waitFigure(job, waited)}</span>
          ${job.waitsFor === "" ? "" : html`<span class="why">${job.waitsFor}</span>`}
        </span>
        <span class="bar">
          ${ran === null ? "" : bar([{ look, title: stateOf(job), fromMs: 0, toMs: ran }], runScale)}
          <span class="figure ${look === "failed" ? "bad" : ""}"
            >${stateOf(job)}${ran === null ? "" : ` ${duration(ran)}`}</span
          >${job.rerun ? html`<span class="why">lost: ${job.rerun.detail}</span>` : ""}
        </span>
      </summary>
      ${stepList(job)}
    </details>
  </li>`;
}

const runLook = (result: string | null) => (result === "failed" ? "failed" : "other");

function waitFigure({ state, waitMs }: JobView, waited: readonly Segment[]): string {
  const ms = waitMs ?? waited.at(-1)?.toMs ?? null;
  if (ms === null) return "";
  if (state === "queued" || state === "assigned") return `waits ${duration(ms)}`;
  return waitMs === null ? `never ran, waited ${duration(ms)}` : `waited ${duration(ms)}`;
}

const stateOf = (job: JobView): string =>
  job.state === "completed" ? (job.result ?? "completed") : job.state;

const className = (step: string): string => step.replace(" ", "-");

interface Drawn {
  look: string;
  title: string;
  fromMs: number;
  toMs: number;
}

/** SVG, since attributes may carry lengths where the page's policy forbids inline styles. */
function bar(segments: readonly Drawn[], scale: number) {
  const units = (ms: number) => Number(((ms / scale) * 1000).toFixed(1));
  const beyond = segments.some(({ toMs }) => toMs > scale);
  return html`<svg
      viewBox="0 0 1000 10"
      preserveAspectRatio="none"
      role="img"
      aria-label="${spoken(segments)}"
    >
      ${segments.map(
        ({ look, title, fromMs, toMs }) =>
          html`<rect
            class="step-${look}"
            x="${units(fromMs)}"
            y="0"
            width="${Math.max(2, units(toMs - fromMs))}"
            height="10"
          >
            <title>${title} ${duration(toMs - fromMs)}</title>
          </rect>`,
      )}</svg
    >${beyond ? html`<span class="beyond" title="longer than this scale">›</span>` : ""}`;
}

const spoken = (segments: readonly Drawn[]): string =>
  segments.map(({ title, fromMs, toMs }) => `${title} ${duration(toMs - fromMs)}`).join(", ") ||
  "nothing yet";

function stepList({ timeline, machine, workflowRef, state, rerun }: JobView) {
  const lastKnown = timeline.findLastIndex(({ atMs }) => atMs !== null);
  let before: number | null = null;
  const items = timeline.map(({ step, atMs }, index) => {
    if (atMs === null) {
      const never = state === "completed" || index < lastKnown;
      return html`<li class="quiet">${step}<span>${never ? "not known" : "not yet"}</span></li>`;
    }
    const gap = before === null ? "" : atMs < before ? "was there before" : `+ ${duration(atMs - before)}`;
    before = Math.max(before ?? atMs, atMs);
    return html`<li>${step}<span>${clockTime(atMs)}</span><span>${gap}</span></li>`;
  });
  return html`<div class="steps">
    <ol>
      ${items}
    </ol>
    ${rerun ? html`<p>lost with its machine: ${rerun.detail} (${rerun.reason})</p>` : ""}
    <p class="quiet">${machine === null ? "no machine yet" : html`on machine ${machine}`} · ${workflowRef}</p>
  </div>`;
}
