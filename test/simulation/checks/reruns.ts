/** Invariant 17: what a cloud took the machine from is run again, once. */
import type { Fact } from "../../../agent/manager/facts.ts";
import { isOpenLoss, type Loss } from "../../../agent/manager/losses.ts";
import type { World } from "../../../agent/manager/world.ts";
import type { Checks } from "../checker.ts";
import type { SimEvent } from "../events.ts";
import type { SimulatedGitHub } from "../fakes/github.ts";

export function makeRerunCheck({ fail, github, faults, settings }: Checks) {
  const made = new Map<string, number>();
  /** What a lost journal remembered is nobody's to know. */
  const forgetful = faults["journal-lost"] !== undefined || faults["journal-old"] !== undefined;
  return {
    hear: (event: SimEvent) => {
      if (event.is !== "rerun") return;
      for (const name of event.lost) {
        const key = `${name} of run ${event.run}`;
        made.set(key, (made.get(key) ?? 0) + 1);
        if (made.get(key)! > 1) fail("17 rerun", `${key} was run again twice`);
      }
    },
    fact: (fact: Fact, before: World, after: World) => {
      if (fact.is === "listed") {
        for (const { id, end } of fact.machines) {
          const [old, now] = [before.machines[id], after.machines[id]];
          if (end?.interrupted !== true || old?.stage !== "busy" || now?.stage !== "lost") continue;
          const job = old.job!;
          const known = job.jobId === null ? undefined : before.jobs[job.jobId];
          if (job.completedMs !== null || known?.result === "succeeded") continue;
          if (before.config.pools[old.pool]?.rerun === "once" && !after.losses[job.runner])
            fail("17 rerun", `${id} was taken away with ${job.name}, which nobody noted`);
        }
      }
      if (before.losses === after.losses) return;
      for (const loss of Object.values(after.losses)) {
        const old = before.losses[loss.id];
        if (loss.reason !== "rerun-left" || (old !== undefined && !isOpenLoss(old))) continue;
        const why = wronglyLeft(loss, github);
        const unwanted =
          settings().pools[loss.pool] === undefined || after.config.pools[loss.pool] === undefined;
        if (why !== null && !forgetful && !unwanted && !made.has(`${why} of run ${loss.run}`))
          fail("17 rerun", `${why} is not run again: ${loss.detail}`);
      }
    },
  };
}

/** The name of the job that should have been run again: it failed, in its run's present attempt, and nobody cancelled. */
function wronglyLeft({ id }: Loss, github: SimulatedGitHub): string | null {
  const jobs = [...github.jobs.values()];
  const job = jobs.find(({ runner }) => runner === id);
  if (!job || job.result !== "failed") return null;
  const later = jobs.some(
    ({ run, name, attempt }) => run === job.run && name === job.name && attempt > job.attempt,
  );
  return later ? null : job.name;
}
