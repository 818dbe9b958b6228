/** Demand from queued runs: what is told of jobs as GitHub lets runners have them. */
import { expect, test } from "vitest";
import { ScriptedRunner } from "../../../../github/testing/scripted-runner.ts";
import { start } from "../../../../github/testing/start.ts";
import { eventually, signal, temporary } from "../harness.ts";
import { jobs, labels, of, serve, type World } from "../world.ts";
import { looks, queuedHarness, queuedWorld, repositoryWith, unlimited } from "./queued-world.ts";

const figures = (made: World, wanted: object, pool = "a") =>
  eventually(() => expect(made.lastStatistics(pool)).toMatchObject(wanted));
/** A runner of ours that has taken a job. */
async function taken({ github }: World, name: string, pool = "a") {
  const { jitConfig } = await github.mint(pool, name, signal());
  const runner = await new ScriptedRunner(jitConfig).online();
  return { runner, ...(await runner.take()) };
}
const newsOf = ({ news }: World, is: string) => news().filter((item) => item.is === is);

test("queued jobs are told, up to the capacity as assigned and the rest as held back, the oldest first", async () => {
  const made = await queuedWorld();
  made.github.capacity("a", 2);
  await made.sim.control.dispatchJobs(jobs(5));
  await figures(made, { assigned: 2, acquired: 2, available: 3, running: 0 });
  expect(newsOf(made, "assigned").map(({ name }) => name)).toEqual(["job 0", "job 1"]);
  expect(of(made, "queued")).toHaveLength(3);
  expect(newsOf(made, "assigned")[0]).toMatchObject({
    repository: "acme/widgets",
    workflowRef: "acme/widgets/.github/workflows/plain.yml@refs/heads/main",
    runner: null,
    result: null,
  });
  made.github.capacity("a", 4);
  await figures(made, { assigned: 4, available: 1 });
  expect(made.failed()).toEqual([]);
});

test("a risen capacity is told at once, without another look", async () => {
  const made = await queuedWorld({}, { timings: { queuedBusyMs: 60_000, queuedMsMax: 60_000 } });
  await made.sim.control.dispatchJobs(jobs(2));
  await eventually(() => expect(made.lastStatistics()).toBeDefined());
  made.github.credentials({ githubToken: made.sim.token });
  await figures(made, { assigned: 0, available: 2 });
  const calls = made.sim.control.calls()["rest.runs"];
  made.github.capacity("a", 1);
  expect(made.lastStatistics()).toMatchObject({ assigned: 1, available: 1 });
  expect(made.sim.control.calls()["rest.runs"]).toBe(calls);
});

test("jobs go their whole way: assigned, started on our runner, completed with their result", async () => {
  const made = await queuedWorld();
  made.github.capacity("a", 5);
  await made.sim.control.dispatchJobs(jobs(2));
  await figures(made, { assigned: 2 });
  const { runner, request, job } = await taken(made, "runner-1");
  await figures(made, { assigned: 2, running: 1, busy: 1, acquired: 1 });
  expect(newsOf(made, "started")).toMatchObject([{ runner: "runner-1" }]);
  await runner.complete(request, job, "failed");
  await figures(made, { assigned: 1, running: 0 });
  expect(newsOf(made, "completed")).toMatchObject([{ runner: "runner-1", result: "failed" }]);
  await serve(made, 1);
  await figures(made, { assigned: 0, running: 0, available: 0 });
  expect(newsOf(made, "completed").at(-1)).toMatchObject({ result: "succeeded" });
  // Each step of each job once.
  expect(
    made
      .news()
      .map(({ is, name }) => `${name} ${is}`)
      .sort(),
  ).toEqual([
    "job 0 assigned",
    "job 0 completed",
    "job 0 started",
    "job 1 assigned",
    "job 1 completed",
    "job 1 started",
  ]);
});

test("labels match whatever their case and as a subset; what fits no pool, or has no labels, is nobody's", async () => {
  const made = await queuedWorld(
    {},
    { pools: { a: { labels: ["self-hosted", "Linux", "ARM64"] }, b: { labels: ["gpu"] } } },
  );
  made.github.capacity("a", 9);
  made.github.capacity("b", 9);
  await made.sim.control.dispatchJobs([
    { labels: ["SELF-HOSTED", "linux"], name: "subset" },
    { labels: ["arm64"], name: "case" },
    { labels: ["GPU"], name: "other pool" },
    { labels: ["self-hosted", "windows"], name: "not ours" },
    { labels: [], name: "group only" },
  ]);
  await figures(made, { assigned: 2, available: 0 });
  await figures(made, { assigned: 1 }, "b");
  await looks(made, 4);
  expect(
    made
      .news()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(["case", "other pool", "subset"]);
});

test("a job that somebody else's runner took is no demand any more, and its way is told to its end", async () => {
  const made = await queuedWorld();
  made.github.capacity("a", 5);
  await made.sim.control.dispatchJobs(jobs(1));
  await figures(made, { assigned: 1 });
  const token = `Bearer ${made.sim.token}`;
  const answer = await fetch(`${made.sim.apiUrl}/repos/acme/widgets/actions/runners/generate-jitconfig`, {
    method: "POST",
    headers: { authorization: token },
    body: JSON.stringify({ name: "theirs", runner_group_id: 1, labels }),
  });
  const { encoded_jit_config: config } = (await answer.json()) as { encoded_jit_config: string };
  const runner = await new ScriptedRunner(config).online();
  const { request, job } = await runner.take();
  await figures(made, { assigned: 0, running: 0, available: 0 });
  await runner.complete(request, job);
  await eventually(() => expect(newsOf(made, "completed")).toMatchObject([{ runner: "theirs" }]));
});

test("a canceled job leaves the demand and is told as canceled", async () => {
  const made = await queuedWorld();
  made.github.capacity("a", 5);
  const run = await made.sim.control.dispatchJobs(jobs(2));
  await figures(made, { assigned: 2 });
  made.sim.control.cancelJob(run.jobs[0]!.id);
  await figures(made, { assigned: 1 });
  made.sim.control.cancelRun(run.id);
  await figures(made, { assigned: 0 });
  expect(newsOf(made, "completed").map(({ result }) => result)).toEqual(["canceled", "canceled"]);
});

test("a later job of a run in progress is told once it is queued", async () => {
  const workspaceSource = repositoryWith(
    [
      "on: workflow_dispatch",
      "jobs:",
      "  first: { runs-on: [self-hosted, linux], steps: [{ run: 'true' }] }",
      "  second: { needs: first, runs-on: [self-hosted, linux], steps: [{ run: 'true' }] }",
    ].join("\n"),
  );
  const made = await queuedWorld({ repositories: [{ owner: "acme", name: "widgets", workspaceSource }] });
  made.github.capacity("a", 5);
  await made.sim.control.dispatchWorkflow({ workflow: "check.yml" });
  await figures(made, { assigned: 1 });
  await serve(made, 1);
  await eventually(() =>
    expect(newsOf(made, "assigned").map(({ name }) => name)).toEqual(["first", "second"]),
  );
  await serve(made, 1, 1);
  await eventually(() => expect(of(made, "completed")).toHaveLength(2));
});

test("a runner's removal is the moment to look: what its job held up is told without waiting for the next look", async () => {
  const workspaceSource = repositoryWith(
    [
      "on: workflow_dispatch",
      "jobs:",
      "  first: { runs-on: [self-hosted, linux], steps: [{ run: 'true' }] }",
      "  second: { needs: first, runs-on: [self-hosted, linux], steps: [{ run: 'true' }] }",
    ].join("\n"),
  );
  const timings = { queuedBusyMs: 60_000, queuedIdleMs: 60_000, queuedRunMs: 60_000, queuedMsMax: 60_000 };
  const sim = await start({
    ...unlimited,
    repositories: [{ owner: "acme", name: "widgets", workspaceSource }],
  });
  await sim.control.dispatchWorkflow({ workflow: "check.yml" });
  const made = { ...queuedHarness(sim, { timings }), sim };
  made.github.start(made.config);
  made.github.capacity("a", 5);
  await figures(made, { assigned: 1 });
  await serve(made, 1);
  expect(await made.github.remove("a", { id: null, name: "runner-0" }, signal())).toBe("gone");
  await eventually(() =>
    expect(newsOf(made, "assigned").map(({ name }) => name)).toEqual(["first", "second"]),
  );
  expect(newsOf(made, "completed")).toMatchObject([
    { name: "first", runner: "runner-0", result: "succeeded" },
  ]);
});

test("a re-run's jobs are new ones", async () => {
  const made = await queuedWorld();
  made.github.capacity("a", 5);
  const run = await made.sim.control.dispatchJobs(jobs(1));
  await figures(made, { assigned: 1 });
  await serve(made, 1);
  await figures(made, { assigned: 0 });
  await made.sim.control.rerun(run.id);
  await figures(made, { assigned: 1 });
  expect(of(made, "assigned")).toHaveLength(2);
});

test("more runs and more jobs of one run than a page holds are all found", async () => {
  const made = await queuedWorld();
  made.github.capacity("a", 1_000);
  await made.sim.control.dispatchJobs(jobs(230));
  for (let count = 0; count < 130; count += 1) await made.sim.control.dispatchJobs(jobs(1));
  await eventually(() => expect(made.lastStatistics()?.assigned).toBe(360), 20_000);
  expect(of(made, "assigned")).toHaveLength(360);
});

test("after a restart: open jobs are told anew, and the end of one that ended meanwhile, with its result", async () => {
  const directory = temporary();
  const first = await queuedWorld({}, { directory });
  first.github.capacity("a", 5);
  await first.sim.control.dispatchJobs(jobs(3));
  await figures(first, { assigned: 3 });
  const { runner, request, job } = await taken(first, "runner-1");
  await figures(first, { running: 1 });
  await first.github.stop();
  await runner.complete(request, job, "failed");
  const again = { ...queuedHarness(first.sim, { directory }), sim: first.sim };
  again.github.capacity("a", 5);
  again.github.start(again.config);
  again.github.capacity("a", 5);
  await figures(again, { assigned: 2, running: 0 });
  expect(newsOf(again, "completed")).toMatchObject([{ name: "job 0", runner: "runner-1", result: "failed" }]);
  expect(again.seen()[0]!.statistics.assigned + again.seen()[0]!.statistics.available).toBe(2);
});

test("changed labels: jobs that no longer fit are let go, those that now fit are told", async () => {
  const made = await queuedWorld();
  made.github.capacity("a", 5);
  await made.sim.control.dispatchJobs([
    { labels, name: "old" },
    { labels: ["fast"], name: "new" },
  ]);
  await figures(made, { assigned: 1 });
  const { a } = made.config.pools;
  made.github.start({ ...made.config, pools: { a: { ...a!, labels: ["fast"] } } });
  await eventually(() => expect(newsOf(made, "assigned").map(({ name }) => name)).toEqual(["old", "new"]));
  await figures(made, { assigned: 1 });
  expect(newsOf(made, "completed")).toMatchObject([{ name: "old", result: null }]);
});

test("with this source no scale set is made, and none of its service's calls is needed", async () => {
  const made = await queuedWorld();
  made.sim.control.setFault({ kind: "status", on: "scale-set.*", status: 404 });
  made.sim.control.setFault({ kind: "status", on: "rest.registration-token", status: 404 });
  made.github.capacity("a", 1);
  await made.sim.control.dispatchJobs(jobs(1));
  await figures(made, { assigned: 1 });
  await serve(made, 1);
  await figures(made, { assigned: 0 });
  expect(await made.github.forget(signal())).toEqual([]);
  expect(made.failed()).toEqual([]);
  expect(made.seen().at(-1)!.source).toEqual({
    is: "queued-runs",
    why: "muster:github.source is queued-runs",
  });
});
