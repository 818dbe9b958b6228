/**
 * What holds whichever way a pool hears of its jobs: the bodies of tests that chain.test.ts runs with scale sets and
 * queued-runs.test.ts with queued runs.
 */
import { expect } from "vitest";
import type { Chain, ChainOptions } from "./chain.ts";

export type Start = (options: ChainOptions) => Promise<Chain>;

export const linux = ["self-hosted", "linux", "small"];
export const big = ["self-hosted", "linux", "large"];

export const job = (name: string, labels: string[], durationSeconds = 0) => ({
  name,
  labels,
  durationSeconds,
});
export const empty = ({ machines }: { machines: readonly unknown[] }) => machines.length === 0;
export const succeeded = (at: Chain) =>
  at.github.control.jobs().every(({ conclusion }) => conclusion === "succeeded");

/** Two pools serve their own jobs on runners with independent lives, and nothing is left. */
export async function twoPools(start: Start): Promise<Chain> {
  const at = await start({ pools: { small: { labels: linux, max: 2 }, large: { labels: big, max: 2 } } });
  const run = await at.github.control.dispatchJobs([
    job("one", linux, 2),
    job("two", linux, 0),
    job("three", big, 1),
  ]);
  const busy = await at.until(
    "two runners are busy at once",
    ({ machines }) => machines.filter(({ stage }) => stage === "busy").length >= 2,
  );
  expect(new Set(busy.machines.map(({ pool }) => pool)).size).toBe(2);
  await at.github.control.wait({ what: "run-completed", run: run.id }, 30_000);
  expect(succeeded(at)).toBe(true);
  const runners = at.github.control.jobs().map(({ runnerName }) => runnerName);
  expect(new Set(runners).size).toBe(3);
  expect(runners.filter((name) => name?.startsWith("large-"))).toHaveLength(1);
  await at.until("no machine is left", empty);
  await at.github.control.wait({ what: "runners", count: 0, exactly: true });
  return at;
}

/** Six jobs on a pool with max 2: never more than two machines, all jobs run. */
export async function neverMoreThanMax(start: Start): Promise<void> {
  const at = await start({ pools: { small: { labels: linux, max: 2 } } });
  const run = await at.github.control.dispatchJobs(
    Array.from({ length: 6 }, (_, n) => job(`job ${n}`, linux)),
  );
  let most = 0;
  await at.until(
    "all six ran",
    ({ machines, jobs }) => {
      most = Math.max(most, machines.filter(({ stage }) => stage !== "done" && stage !== "lost").length);
      return jobs.filter(({ state }) => state === "completed").length === 6;
    },
    60_000,
  );
  await at.github.control.wait({ what: "run-completed", run: run.id });
  expect([most, succeeded(at)]).toEqual([2, true]);
}

/** Each job's way is recorded step by step. */
export async function wayOfAJob(start: Start): Promise<void> {
  const at = await start({ pools: { small: { labels: linux } } });
  await at.github.control.dispatchJobs([job("only", linux)]);
  const { jobs } = await at.until(
    "the job is done",
    ({ jobs }) => jobs[0]?.timeline.every(({ atMs }) => atMs !== null) === true,
  );
  const times = jobs[0]!.timeline.map(({ atMs }) => atMs!);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(jobs[0]).toMatchObject({ name: "only", state: "completed", result: "succeeded" });
}

/** An idle runner deregisters and ends, then a new job gets a new one by itself. */
export async function idleRunner(start: Start): Promise<void> {
  const at = await start({
    pools: { small: { labels: linux, idleTimeoutSeconds: 2 } },
    github: { timings: { holdMs: 2_000 } },
  });
  at.github.control.setFault({ kind: "delay", on: "broker.message", delayMs: 1_500 });
  await at.github.control.dispatchJobs([job("cancelled", linux)]);
  await at.until("a runner was registered", ({ machines }) => machines.some(({ runner }) => runner !== null));
  at.github.control.cancelJob(at.github.control.jobs()[0]!.id);
  at.github.control.clearFaults();
  await at.until("no machine is left", empty, 40_000);
  await at.github.control.wait({ what: "runners", count: 0, exactly: true });
  await at.github.control.dispatchJobs([job("next", linux)]);
  await at.github.control.until(
    () =>
      at.github.control.jobs().some(({ name, conclusion }) => name === "next" && conclusion === "succeeded"),
    "the next job ran",
    30_000,
  );
}

/**
 * kill -9 in mid-job: the job finishes, the restarted manager starts no second runner.
 * @param register the call that registers a runner
 */
export async function killedInMidJob(
  start: Start,
  register: "scale-set.jit" | "rest.runner-jit",
): Promise<Chain> {
  const at = await start({ pools: { small: { labels: linux } } });
  const run = await at.github.control.dispatchJobs([job("long", linux, 4)]);
  await at.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
  const { machines } = await at.state();
  await at.killManager();
  await at.startManager();
  await at.until("it knows its machine again", (state) =>
    state.machines.some(({ id, stage }) => id === machines[0]!.id && stage === "busy"),
  );
  await at.github.control.wait({ what: "run-completed", run: run.id }, 30_000);
  expect(at.github.control.jobs()).toMatchObject([{ conclusion: "succeeded", runnerName: machines[0]!.id }]);
  await at.until("no machine is left", empty, 40_000);
  expect(at.github.control.calls()[register]).toBe(1);
  return at;
}

/** GitHub answers this status for a while: running jobs go on, all jobs run afterwards. */
export async function troubleAtGitHub(
  start: Start,
  status: number,
  retryAfterSeconds: number | undefined,
): Promise<void> {
  const at = await start({ pools: { small: { labels: linux } }, github: { timings: { holdMs: 2_000 } } });
  await at.github.control.dispatchJobs([job("before", linux, 3)]);
  await at.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
  for (const on of ["scale-set.*", "session.*", "queue.*", "GET /api/*", "POST /api/*"]) {
    at.github.control.setFault({
      kind: "status",
      on,
      status,
      forMs: 4_000,
      ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    });
  }
  await at.github.control.dispatchJobs([job("during", linux)]);
  await at.github.control.until(
    () => at.github.control.jobs().length === 2 && succeeded(at),
    "both jobs ran",
    60_000,
  );
  await at.until("no machine is left", empty, 40_000);
}
