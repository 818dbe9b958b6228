// Goal: the same promises where jobs are heard of by reading queued runs. Method: the bodies of chain.test.ts, with the setting
// that asks for this source, and a GitHub that drops labels so that a pool comes to it by itself.
import { afterEach, describe, expect, test } from "vitest";
import { type Chain, type ChainOptions, startChain } from "./chain.ts";
import * as promises from "./promises.ts";

const { linux, job, empty, succeeded } = promises;

let chain: Chain | null = null;
afterEach(async () => {
  await chain?.stop();
  chain = null;
});
const start = async (options: ChainOptions) => (chain = await startChain(options));
const reading = (options: ChainOptions) => start({ source: "queued-runs", ...options });

describe("with the source queued-runs", () => {
  test("two pools serve their own jobs on runners with independent lives, and nothing is left", async () => {
    const at = await promises.twoPools(reading);
    // Who else serves these labels is looked up once; nothing is made there.
    const used = Object.keys(at.github.control.calls()).filter((name) =>
      /^(scale-set|session|queue)/.test(name),
    );
    expect(used.filter((name) => name !== "scale-set.list")).toEqual([]);
  });

  test("six jobs on a pool with max 2: never more than two machines, all jobs run", () =>
    promises.neverMoreThanMax(reading));

  test("each job's way is recorded step by step", () => promises.wayOfAJob(reading));

  test("an idle runner deregisters and ends, then a new job gets a new one by itself", () =>
    promises.idleRunner(reading));

  test("kill -9 in mid-job: the job finishes with its result, the restarted manager starts no second runner", async () => {
    const at = await promises.killedInMidJob(reading, "rest.runner-jit");
    const { jobs } = await at.until("the end is told", ({ jobs }) => jobs[0]?.state === "completed");
    expect(jobs).toMatchObject([{ name: "long", result: "succeeded" }]);
  });

  test("a job that ends while no manager runs has its result when one is back", async () => {
    const at = await reading({ pools: { small: { labels: linux } } });
    const run = await at.github.control.dispatchJobs([job("alone", linux, 7)]);
    await at.until("it is told as running", ({ jobs }) => jobs[0]?.state === "running");
    await at.killManager();
    await at.github.control.wait({ what: "run-completed", run: run.id }, 30_000);
    await at.startManager();
    const { jobs } = await at.until("its end is told", ({ jobs }) => jobs[0]?.state === "completed");
    expect(jobs).toMatchObject([{ name: "alone", result: "succeeded" }]);
    await at.until("no machine is left", empty, 40_000);
  });

  test("GitHub answers 429 for a while: running jobs go on, all jobs run afterwards", () =>
    promises.troubleAtGitHub(reading, 429, 1));
});

test("a pool whose labels GitHub drops reads queued runs by itself, says so, and its job runs", async () => {
  const at = await start({
    pools: { small: { labels: linux } },
    github: { timings: { holdMs: 1_000 } },
    faults: [{ kind: "labels-dropped" }],
  });
  const run = await at.github.control.dispatchJobs([job("all three labels", linux)]);
  await at.github.control.wait({ what: "run-completed", run: run.id }, 40_000);
  expect(succeeded(at)).toBe(true);
  const { pools } = await at.until("no machine is left", empty, 40_000);
  expect(pools[0]!.source).toEqual({
    is: "queued-runs",
    why: expect.stringContaining("GitHub dropped the labels linux, small") as string,
  });
  await at.github.control.wait({ what: "scale-sets", count: 0, exactly: true });
  expect(await (await fetch(`${at.address}/`)).text()).toContain("GitHub dropped the labels");
});
