// Goal: who else could use a pool, or take its jobs, stops it in time and loses nothing. Method: the whole chain; settings
// are told anew, as `up` does, which makes the manager look at once instead of within ten minutes.
import { afterEach, expect, test } from "vitest";
import { removeSet } from "../../agent/cli/local/remove-set.ts";
import { Client } from "../github/testing/client.ts";
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
const succeeded = (at: Chain) =>
  at.github.control
    .jobs()
    .filter((one) => one.conclusion === "succeeded")
    .map(({ name }) => name);
const setNames = (at: Chain) => at.github.control.scaleSets().map(({ name }) => name);

test("a repository that turns public: the running job ends well, nothing new starts, private again it goes on by itself", async () => {
  const at = await start({ pools: { small: { labels: linux, max: 2 } } });
  const { control } = at.github;
  const run = await control.dispatchJobs([job("running", linux, 4)]);
  await control.wait({ what: "jobs", phase: "running", count: 1 }, 30_000);
  // Its machine is there, and nobody may register it: the job waits, assigned.
  control.setFault({ kind: "status", on: "scale-set.jit", status: 503 });
  await control.dispatchJobs([job("waiting", linux)]);
  await at.until("the second machine waits for its registration", ({ machines }) =>
    machines.some(({ stage, runner }) => runner === null && stage === "enrolled"),
  );

  control.setPrivate(false);
  await at.changePools({ small: { labels: linux, max: 3 } });
  const held = await at.until("the pool is refused and the waiting job says why", ({ jobs }) =>
    jobs.some(({ name, waitsFor }) => name === "waiting" && waitsFor.includes("is public")),
  );
  expect(held.pools[0]).toMatchObject({
    capacity: 0,
    reasons: [{ reason: "public-repository", jobs: 1 }],
    refused: [{ reason: "public-repository" }],
  });
  control.clearFaults();
  const registered = control.calls()["scale-set.jit"];
  await control.wait({ what: "run-completed", run: run.id }, 30_000);
  await at.until("no machine is left", ({ machines }) => machines.length === 0, 40_000);
  expect(succeeded(at)).toEqual(["running"]);
  expect(control.calls()["scale-set.jit"]).toBe(registered);
  const metrics = await (await fetch(`${at.address}/metrics`)).text();
  expect(metrics).toContain('muster_pool_refused{pool="small",reason="public-repository"} 1');
  expect(await (await fetch(at.address)).text()).toContain("public-repository");
  expect(at.log()).toContain('"pool":"small","reason":"public-repository"');

  control.setPrivate(true);
  await at.changePools({ small: { labels: linux, max: 2 } });
  await control.until(() => succeeded(at).includes("waiting"), "the waiting job ran", 40_000);
});

test("a set of another stack with the same labels: the pool that comes later stands still until it is gone", async () => {
  const at = await start({ pools: { small: { labels: linux } } });
  const { control } = at.github;
  const client = await new Client(at.github).login();
  const labels = big.map((name) => ({ name: name.toUpperCase() }));
  const made = await client.sets("POST", "", { name: "muster-prod-large", runnerGroupId: 1, labels });
  const { id } = (await made.json()) as { id: number };
  const pools = { small: { labels: linux }, large: { labels: big } };
  await at.changePools(pools);
  await control.dispatchJobs([job("small", linux), job("large", big)]);
  const held = await at.until("the new pool is refused, with its job held at GitHub", ({ pools: all }) =>
    all.some(({ name, reasons }) => name === "large" && reasons[0]?.reason === "label-clash"),
  );
  const large = held.pools.find(({ name }) => name === "large")!;
  expect(large).toMatchObject({ capacity: 0, available: 1, waiting: 0 });
  expect(large.reasons[0]!.detail).toMatch(/"muster-prod-large" of another stack has the same labels/);
  await control.until(() => succeeded(at).includes("small"), "the other pool serves", 30_000);
  await expect(removeSet(at.directory, "muster-test-small")).rejects.toThrow(/this stack's own/);
  expect(await removeSet(at.directory, "muster-prod-large")).toBe(
    `The scale set muster-prod-large (${id}) is removed.`,
  );
  await at.changePools({ ...pools, small: { labels: linux, max: 3 } });
  await control.until(() => succeeded(at).includes("large"), "its job ran", 30_000);
});

test("changed labels with jobs in both sets and a manager killed in between: all run, the old set goes", async () => {
  const at = await start({
    pools: { small: { labels: linux, max: 3 } },
    github: { timings: { deadSessionMs: 1_000, holdMs: 1_000 } },
  });
  const { control } = at.github;
  await control.dispatchJobs([job("old, running", linux, 6), job("old, running too", linux, 6)]);
  await control.wait({ what: "jobs", phase: "running", count: 2 }, 30_000);
  const [old] = setNames(at);
  await at.changePools({ small: { labels: big, max: 3 } });
  await control.wait({ what: "scale-sets", count: 2, exactly: true });
  await control.dispatchJobs([job("new, before the kill", big)]);
  await control.until(() => succeeded(at).length === 1, "the new set serves beside the old", 30_000);
  await at.killManager();
  await control.dispatchJobs([job("new, without a manager", big)]);
  await at.startManager();
  await control.until(() => succeeded(at).length === 4, "all four ran", 60_000);
  await control.until(() => control.scaleSets().length === 1, "the old set was deleted", 60_000);
  expect(setNames(at)).not.toContain(old);
  expect(control.jobs().every(({ assignments }) => assignments === 1)).toBe(true);
  await at.until("no machine is left", ({ machines }) => machines.length === 0, 40_000);
});
