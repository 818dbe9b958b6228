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
  const waits = job.state === "queued" || job.state === "assigned";
  const failed = job.state === "completed" && job.result !== "succeeded";
  const runLook = failed ? (job.result === "failed" ? "failed" : "other") : "running";
  const run = ran === null ? [] : [{ className: runLook, title: runLook, fromMs: 0, toMs: ran }];
  return html`<li data-key="job-${job.id}">
    <details>
      <summary class="row">
        <span class="what">
          <b>${job.name}</b>
          <small>${job.repository} · ${job.pool} · run ${job.workflowRun}</small>
        </span>
        <span class="bar">
          ${bar(
            waited.map((each) => ({ ...each, className: className(each.step), title: each.doing })),
            waitScale,
          )}
          <span class="figure"
            >${job.waitMs === null ? "" : `${waits ? "waits" : "waited"} ${duration(job.waitMs)}`}</span
          >
        </span>
        <span class="bar">
          ${bar(run, runScale)}
          <span class="figure ${failed ? "bad" : ""}"
            >${stateOf(job)}${ran === null ? "" : ` ${duration(ran)}`}</span
          >
        </span>
        ${job.waitsFor === "" ? "" : html`<span class="why">${job.waitsFor}</span>`}
      </summary>
      ${stepList(job)}
    </details>
  </li>`;
}

const stateOf = (job: JobView): string =>
  job.state === "completed" ? (job.result ?? "completed") : job.state;

const className = (step: string): string => step.replace(" ", "-");

interface Drawn {
  className: string;
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
        ({ className: step, title, fromMs, toMs }) =>
          html`<rect
            class="step-${step}"
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

function stepList({ timeline, machine, workflowRef }: JobView) {
  let before: number | null = null;
  const items = timeline.map(({ step, atMs }) => {
    if (atMs === null) return html`<li class="quiet">${step}<span>not known</span></li>`;
    const gap = before === null ? "" : atMs < before ? "was there before" : `+ ${duration(atMs - before)}`;
    before = Math.max(before ?? atMs, atMs);
    return html`<li>${step}<span>${clockTime(atMs)}</span><span>${gap}</span></li>`;
  });
  return html`<div class="steps">
    <ol>
      ${items}
    </ol>
    <p class="quiet">${machine === null ? "no machine yet" : html`on machine ${machine}`} · ${workflowRef}</p>
  </div>`;
}
