// Goal: the promises that a user would try first, on real parts: real manager process, real HTTP, real agents, the stand-in
// runner with the real one's protocol. Method: each test has a chain of its own and reads GitHub's side and the manager's.
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { postJson } from "../agent/manager/web/requests.ts";
import { type Chain, type ChainOptions, startChain } from "./chain.ts";

const linux = ["self-hosted", "linux", "small"];
const big = ["self-hosted", "linux", "large"];

let chain: Chain | null = null;
afterEach(async () => {
  await chain?.stop();
  chain = null;
});
const start = async (options: ChainOptions) => (chain = await startChain(options));
const job = (name: string, labels: string[], durationSeconds = 0) => ({ name, labels, durationSeconds });
const empty = ({ machines }: { machines: readonly unknown[] }) => machines.length === 0;
const succeeded = (at: Chain) =>
  at.github.control.jobs().every(({ conclusion }) => conclusion === "succeeded");

test("agents' calls are served on a socket that is their user's alone, and not over TCP", async () => {
  const at = await start({ pools: {} });
  const socketPath = join(at.directory, "agents.sock");
  expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  expect(statSync(at.directory).mode & 0o777).toBe(0o700);
  for (const path of ["/agent/v1/enroll", "/agent/v1/sync"]) {
    expect((await fetch(`${at.address}${path}`, { method: "POST", body: "{}" })).status, path).toBe(405);
    const answer = await postJson({ socketPath, path }, {});
    expect(JSON.parse(answer.text), path).toMatchObject({ error: "bad-request" });
  }
});

describe("jobs and machines", () => {
  test("two pools serve their own jobs on runners with independent lives, and nothing is left", async () => {
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
  });

  test("six jobs on a pool with max 2: never more than two machines, all jobs run", async () => {
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
  });

  test("each job's way is recorded step by step", async () => {
    const at = await start({ pools: { small: { labels: linux } } });
    await at.github.control.dispatchJobs([job("only", linux)]);
    const { jobs } = await at.until(
      "the job is done",
      ({ jobs }) => jobs[0]?.timeline.every(({ atMs }) => atMs !== null) === true,
    );
    const times = jobs[0]!.timeline.map(({ atMs }) => atMs!);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(jobs[0]).toMatchObject({ name: "only", state: "completed", result: "succeeded" });
  });
});

describe("idle runners", () => {
  test("an idle runner deregisters and ends, then a new job gets a new one by itself", async () => {
    const at = await start({
      pools: { small: { labels: linux, idleTimeoutSeconds: 2 } },
      github: { timings: { holdMs: 2_000 } },
    });
    at.github.control.setFault({ kind: "delay", on: "broker.message", delayMs: 1_500 });
    await at.github.control.dispatchJobs([job("cancelled", linux)]);
    await at.until("a runner was registered", ({ machines }) =>
      machines.some(({ runner }) => runner !== null),
    );
    at.github.control.cancelJob(at.github.control.jobs()[0]!.id);
    at.github.control.clearFaults();
    await at.until("no machine is left", empty, 40_000);
    await at.github.control.wait({ what: "runners", count: 0, exactly: true });
    await at.github.control.dispatchJobs([job("next", linux)]);
    await at.github.control.until(
      () =>
        at.github.control
          .jobs()
          .some(({ name, conclusion }) => name === "next" && conclusion === "succeeded"),
      "the next job ran",
      30_000,
    );
  });

  test("back-to-back runs on a pool with reuse register again without a new machine", async () => {
    const at = await start({ pools: { small: { labels: linux, reuse: true, idleTimeoutSeconds: 4 } } });
    const first = await at.github.control.dispatchJobs([job("first", linux)]);
    await at.github.control.wait({ what: "run-completed", run: first.id }, 30_000);
    const { machines } = await at.until(
      "the machine waits unregistered",
      ({ machines }) => machines[0]?.stage === "enrolled" && machines[0].runner === null,
    );
    const second = await at.github.control.dispatchJobs([job("second", linux)]);
    await at.github.control.wait({ what: "run-completed", run: second.id }, 30_000);
    const names = at.github.control.jobs().map(({ runnerName }) => runnerName);
    expect(names).toEqual([machines[0]!.id, `${machines[0]!.id}-2`]);
    await at.until("it ends when idle", empty, 30_000);
  });
});

describe("a manager that dies", () => {
  test("kill -9 in mid-job: the job finishes, the restarted manager starts no second runner", async () => {
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
    expect(at.github.control.jobs()).toMatchObject([
      { conclusion: "succeeded", runnerName: machines[0]!.id },
    ]);
    await at.until("no machine is left", empty, 40_000);
    expect(at.github.control.calls()["scale-set.jit"]).toBe(1);
  });

  test("jobs that queue while it is dead run when it is back", async () => {
    const at = await start({
      pools: { small: { labels: linux } },
      github: { timings: { deadSessionMs: 1_000 } },
    });
    await at.killManager();
    const run = await at.github.control.dispatchJobs([job("early", linux)]);
    await at.startManager();
    await at.github.control.wait({ what: "run-completed", run: run.id }, 40_000);
    expect(succeeded(at)).toBe(true);
  });
});

describe("trouble at GitHub", () => {
  test.each([
    [503, undefined],
    [429, 1],
  ])(
    "answers %i for a while: running jobs go on, all jobs run afterwards",
    async (status, retryAfterSeconds) => {
      const at = await start({ pools: { small: { labels: linux } }, github: { timings: { holdMs: 2_000 } } });
      await at.github.control.dispatchJobs([job("before", linux, 3)]);
      await at.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
      for (const on of ["scale-set.*", "session.*", "queue.*", "GET /api/*"]) {
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
    },
  );
});

describe("settings", () => {
  test("a changed max is live at once, in the same process", async () => {
    const at = await start({ pools: { small: { labels: linux, max: 1 } } });
    const pid = at.pid();
    await at.github.control.dispatchJobs([job("one", linux, 3), job("two", linux, 3)]);
    await at.github.control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
    expect((await at.state()).pools[0]).toMatchObject({ max: 1, reasons: [{ reason: "max" }] });
    await at.changePools({ small: { labels: linux, max: 2 } });
    await at.until(
      "both run at once",
      ({ machines }) => machines.filter(({ stage }) => stage === "busy").length === 2,
      10_000,
    );
    expect(at.pid()).toBe(pid);
  });
});
