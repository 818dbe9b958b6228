/** How often a manager asks GitHub for one job, from its queue to its end: real processes on this computer. */
import { startChain } from "../../test/chain/chain.ts";

/** Endpoints that runners, artifacts, people and this bench use, in the simulator's names. */
const others = /^(broker|run-service|artifact|blob|download|web)\.|^rest\.dispatch$/;

const sum = (calls: Partial<Record<string, number>>): number =>
  Object.entries(calls).reduce((all, [name, count = 0]) => (others.test(name) ? all : all + count), 0);

/** @returns calls per job; jobs come one by one, so that no message tells of two */
export async function benchCalls(jobs = 20): Promise<number> {
  const chain = await startChain({ pools: { small: { labels: ["small"], max: 2 } } });
  try {
    const { control } = chain.github;
    await control.wait({ what: "polling", count: 1 }, 60_000);
    const before = sum(control.calls());
    for (let job = 0; job < jobs; job++) {
      const { id } = await control.dispatchJobs([{ labels: ["small"] }]);
      await control.wait({ what: "run-completed", run: id }, 60_000);
      await chain.until("it is gone", (state) => state.machines.length === 0, 60_000);
    }
    return (sum(control.calls()) - before) / jobs;
  } finally {
    await chain.stop();
  }
}
