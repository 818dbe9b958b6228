/** Jobs as the manager tells of them, for the tests of what `npm start` shows. */
import { steps } from "../../../agent/manager/view.ts";
import type { Job, ManagerState } from "../../../tools/start/jobs.ts";

/** `times`: when each step happened, in order; missing ones have not. */
export const job = (given: { id: string; times: readonly (number | null)[] } & Partial<Job>): Job => {
  const { times, ...rest } = given;
  return {
    name: given.id,
    pool: "local",
    workflowRun: 7,
    state: "queued",
    result: null,
    timeline: steps.map((step, index) => ({ step, atMs: times[index] ?? null })),
    waitMs: null,
    waitsFor: "",
    ...rest,
  };
};

export const state = (jobs: Job[], given: Partial<ManagerState> = {}): ManagerState => ({
  healthy: true,
  problem: null,
  pools: [],
  machines: [],
  jobs,
  ...given,
});
