/** Log lines of lost jobs: the loss, and whatever becomes of its re-run, once each. */
import type { Deps } from "./deps.ts";
import type { Watcher } from "./loop.ts";

export function logLosses({ log }: Pick<Deps, "log">): Watcher {
  return {
    fact: (_fact, before, after) => {
      if (before.losses === after.losses) return;
      for (const loss of Object.values(after.losses)) {
        const old = before.losses[loss.id];
        if (old?.reason === loss.reason) continue;
        const { id: runner, machine, name, pool, repository, run, why, reason, detail } = loss;
        const about = { pool, machine, runner, job: name, repository, run, reason };
        if (old === undefined) log.warn({ ...about, why }, "a job lost its machine");
        else log.info({ ...about, detail }, "a lost job");
      }
    },
  };
}
