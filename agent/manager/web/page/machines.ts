/** Machines: what each one is doing, and what it says of itself. */
import { html } from "hono/html";
import type { Gpu } from "../../../protocol.ts";
import type { MachineView, ManagerState } from "../../view.ts";
import { age, megabytes, plural } from "./format.ts";
import { lookOf } from "./pools.ts";

const machinesDrawnMax = 200;

export function renderMachines(state: ManagerState) {
  const shown = state.machines.slice(0, machinesDrawnMax);
  const more = state.machines.length - shown.length;
  return html`<section aria-labelledby="machines">
    <h2 id="machines">Machines</h2>
    ${
      shown.length === 0
        ? html`<p class="empty">No machine. One appears when a job waits, and goes when it is idle.</p>`
        : html`<div class="table">
            <table>
              <thead>
                <tr>
                  ${["machine", "state", "job", "cpu", "memory", "disk free", "heard"].map((name) => html`<th scope="col">${name}</th>`)}
                </tr>
              </thead>
              <tbody>
                ${shown.map((machine) => machineRow(machine, state.atMs))}
              </tbody>
            </table>
          </div>`
    }
    ${more > 0 ? html`<p class="quiet">and ${plural(more, "more machine")} in <a href="/api/state">/api/state</a></p>` : ""}
  </section>`;
}

function machineRow(machine: MachineView, now: number) {
  const { id, pool, offer, stage, stageMs, job, usage, seenMs, problem, life } = machine;
  return html`<tr data-key="machine-${id}">
    <th scope="row">${id}<small>${pool} · ${offer}</small></th>
    <td data-label="state">
      <span><i class="look-${lookOf[stage]}" aria-hidden="true"></i>${stage}</span> ${age(stageMs, now)}
      ${life > 1 ? html`<small>registration ${life}</small>` : ""}
      ${problem === null ? "" : html`<small class="bad">${problem}</small>`}
      ${(machine.gpus ?? []).map(gpuLine)}
      ${machine.connect.map(({ warning }) => (warning === null ? "" : html`<small>GitHub: ${warning}</small>`))}
    </td>
    <td data-label="job">${job ?? none}</td>
    <td data-label="cpu" class="number">${usage ? `${Math.round(usage.cpuPercent)} %` : none}</td>
    <td data-label="memory" class="number">
      ${usage ? `${megabytes(usage.memoryUsedMb)} of ${megabytes(usage.memoryTotalMb)}` : none}
    </td>
    <td data-label="disk free" class="number">${usage ? megabytes(usage.diskFreeMb) : none}</td>
    <td data-label="heard" class="number">${seenMs === null ? none : html`${age(seenMs, now)} ago`}</td>
  </tr>`;
}

function gpuLine({ model, health, problem, memoryMb, memoryUsedMb, utilizationPercent }: Gpu) {
  const figures = [
    utilizationPercent === null ? "" : `${Math.round(utilizationPercent)} %`,
    memoryMb === null
      ? ""
      : memoryUsedMb === null
        ? megabytes(memoryMb)
        : `${megabytes(memoryUsedMb)} of ${megabytes(memoryMb)}`,
  ].filter(Boolean);
  if (health === "ok") return html`<small>${[model, ...figures].join(" · ")}</small>`;
  const why = problem === null ? "" : `: ${problem}`;
  return html`<small class="${health === "failed" ? "bad" : ""}">${model} ${health}${why}</small>`;
}

const none = html`<span class="quiet">–</span>`;
