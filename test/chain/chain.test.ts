// Goal: the promises that a user would try first, on real parts: real manager process, real HTTP, real agents, the stand-in
// runner with the real one's protocol. Method: each test has a chain of its own and reads GitHub's side and the manager's.
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { postJson } from "../agent/manager/web/requests.ts";
import { type Chain, type ChainOptions, startChain } from "./chain.ts";
import * as promises from "./promises.ts";

const { linux, job, empty, succeeded } = promises;

let chain: Chain | null = null;
afterEach(async () => {
  await chain?.stop();
  chain = null;
});
const start = async (options: ChainOptions) => (chain = await startChain(options));

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
    await promises.twoPools(start);
  });

  test("six jobs on a pool with max 2: never more than two machines, all jobs run", () =>
    promises.neverMoreThanMax(start));

  test("each job's way is recorded step by step", () => promises.wayOfAJob(start));
});

describe("idle runners", () => {
  test("an idle runner deregisters and ends, then a new job gets a new one by itself", () =>
    promises.idleRunner(start));

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
    await promises.killedInMidJob(start, "scale-set.jit");
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
  ])("answers %i for a while: running jobs go on, all jobs run afterwards", (status, retryAfterSeconds) =>
    promises.troubleAtGitHub(start, status, retryAfterSeconds),
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
