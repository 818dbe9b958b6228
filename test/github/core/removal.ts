/** A client's wish to delete a runner record, and the race it may be in. */
import { deleteOutcomes, type DeleteOutcome } from "../options.ts";
import { undeliver } from "./jobs.ts";
import { isBusy, remove } from "./runners.ts";
import type { Sim } from "./sim.ts";
import type { Runner } from "./state.ts";

/**
 * False: refused, a job runs there. Between delivery and acquisition of a job three outcomes are possible, drawn by
 * seed: refused; the record goes and the acquisition fails, so that the job is offered again; the record goes and the
 * job starts all the same.
 */
export function requestRemoval(sim: Sim, runner: Runner): boolean {
  if (isBusy(runner) || sim.faults.take("runner-busy")) return false;
  const { job } = runner;
  if (job?.phase === "delivered") {
    const outcome = drawOutcome(sim);
    if (outcome === "refused") return false;
    job.afterDelete = outcome;
    if (outcome === "acquire-fails") {
      job.stopTimer();
      job.stopTimer = sim.later(sim.options.timings.reofferMs, () => undeliver(sim, job));
    }
  }
  remove(sim, runner, "deleted");
  return true;
}

function drawOutcome(sim: Sim): DeleteOutcome {
  const { deleteRace } = sim.options;
  if (deleteRace !== "seeded") return deleteRace;
  return deleteOutcomes[Math.floor(sim.random() * deleteOutcomes.length)]!;
}
