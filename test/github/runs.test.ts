import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Client } from "./testing/client.ts";
import { ScriptedRunner } from "./testing/scripted-runner.ts";
import { start, startWithSet } from "./testing/start.ts";

const base = "/repos/acme/widgets/actions";
const two = [
  { labels: ["linux"], name: "first" },
  { labels: ["linux"], name: "second" },
];
type Setup = Awaited<ReturnType<typeof startWithSet>>;
const get = async (client: Client, path: string) =>
  (await (await client.rest("GET", path)).json()) as Record<string, never>;

/** Serves the next job of the set on a runner of its own. */
async function serve({ client }: Setup, name: string, conclusion: "succeeded" | "failed" = "succeeded") {
  await client.poll(10);
  return new ScriptedRunner((await client.mint(name)).config).serveOne(conclusion);
}

describe("runs", () => {
  it("go from queued to completed, and say so", async () => {
    const setup = await startWithSet();
    const { github, client } = setup;
    const { id } = await github.control.dispatchJobs(two);
    expect(await get(client, `${base}/runs?status=queued`)).toMatchObject({
      total_count: 1,
      workflow_runs: [{ id }],
    });
    await serve(setup, "r1");
    expect(await get(client, `${base}/runs?status=queued`)).toMatchObject({ total_count: 0 });
    expect(await get(client, `${base}/runs/${id}`)).toMatchObject({
      status: "in_progress",
      conclusion: null,
    });
    await serve(setup, "r2", "failed");
    expect(await get(client, `${base}/runs/${id}`)).toMatchObject({
      status: "completed",
      conclusion: "failure",
    });
    const jobs = await get(client, `${base}/runs/${id}/jobs?filter=latest`);
    expect(jobs).toMatchObject({
      total_count: 2,
      jobs: [
        { name: "first", labels: ["linux"], conclusion: "success", runner_name: "r1" },
        { name: "second", conclusion: "failure", runner_name: "r2" },
      ],
    });
  });

  it("are canceled: what waits ends at once, what runs when its runner says so", async () => {
    const setup = await startWithSet();
    const { github, client } = setup;
    const { id } = await github.control.dispatchJobs(two);
    await client.poll(10);
    const runner = await new ScriptedRunner((await client.mint("r1")).config).online();
    const { request, job } = await runner.take();
    expect((await client.rest("POST", `${base}/runs/${id}/cancel`)).status).toBe(202);
    expect(github.control.run(id).jobs.map(({ phase }) => phase)).toEqual(["running", "completed"]);
    await runner.complete(request, job, "canceled");
    expect(github.control.run(id).conclusion).toBe("cancelled");
    expect((await client.rest("POST", `${base}/runs/${id}/cancel`)).status).toBe(409);
  });

  it("are not re-run while in progress, and then only what failed", async () => {
    const setup = await startWithSet();
    const { github, client } = setup;
    const { id } = await github.control.dispatchJobs(two);
    const again = () => client.rest("POST", `${base}/runs/${id}/rerun-failed-jobs`);
    await serve(setup, "r1");
    expect((await again()).status).toBe(403);
    await serve(setup, "r2", "failed");
    expect((await again()).status).toBe(201);
    const run = github.control.run(id);
    expect(run).toMatchObject({ attempt: 2, conclusion: null });
    expect(run.jobs).toMatchObject([
      { name: "first", phase: "completed", conclusion: "succeeded", runnerName: "r1" },
      { name: "second", phase: "queued", conclusion: null, runnerName: null },
    ]);
    await serve(setup, "r3");
    expect(github.control.run(id).conclusion).toBe("success");
    expect(await get(client, `${base}/runs/${id}/jobs?filter=all`)).toMatchObject({ total_count: 4 });
  });

  it("re-run one job, or all", async () => {
    const setup = await startWithSet();
    const { github, client } = setup;
    const { id, jobs } = await github.control.dispatchJobs(two);
    await serve(setup, "r1");
    await serve(setup, "r2");
    expect((await client.rest("POST", `${base}/jobs/${jobs[0]!.id}/rerun`)).status).toBe(201);
    expect(github.control.run(id).jobs.map(({ phase }) => phase)).toEqual(["queued", "completed"]);
    await serve(setup, "r3");
    expect((await client.rest("POST", `${base}/runs/${id}/rerun`)).status).toBe(201);
    expect(github.control.run(id).jobs.map(({ phase }) => phase)).toEqual(["queued", "queued"]);
  });
});

const workflow = `
name: chain
on: workflow_dispatch
jobs:
  build:
    runs-on: [self-hosted, linux]
    steps:
      - run: echo built
  test:
    needs: build
    runs-on: linux
    steps:
      - run: echo tested
  never:
    needs: build
    if: \${{ false }}
    runs-on: linux
    steps:
      - run: echo no
`;

async function checkout(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "muster-test-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, ".github/workflows"), { recursive: true });
  await writeFile(join(directory, ".github/workflows/chain.yml"), workflow);
  return directory;
}

it("a job is run again alone, also in an attempt that took over others", async () => {
  const setup = await startWithSet();
  const { github, client } = setup;
  const { id } = await github.control.dispatchJobs([...two, { labels: ["linux"], name: "third" }]);
  for (const name of ["r1", "r2", "r3"]) await serve(setup, name, "failed");
  const again = async (index: number) => {
    const job = github.control.run(id).jobs[index]!;
    expect((await client.rest("POST", `${base}/jobs/${job.id}/rerun`)).status).toBe(201);
    return github.control.run(id).jobs.map(({ phase }) => phase);
  };
  expect(await again(0)).toEqual(["queued", "completed", "completed"]);
  await serve(setup, "r4");
  expect(await again(1)).toEqual(["completed", "queued", "completed"]);
});

describe("jobs with an environment", () => {
  it("show as deployments that name them, once they started, and in no other way", async () => {
    const setup = await startWithSet();
    const { github, client } = setup;
    const repository = "/repos/acme/widgets";
    expect(await get(client, `${repository}/environments`)).toMatchObject({ total_count: 0 });
    const { id, jobs } = await github.control.dispatchJobs([{ ...two[0]!, environment: "live" }, two[1]!]);
    expect(await get(client, `${repository}/environments`)).toMatchObject({ total_count: 1 });
    expect(await get(client, `${repository}/deployments`)).toEqual([]);
    await serve(setup, "r1", "failed");
    await serve(setup, "r2");
    const list = (await get(client, `${repository}/deployments`)) as unknown as { id: number }[];
    expect(list).toMatchObject([{ environment: "live" }]);
    const statuses = await get(client, `${repository}/deployments/${list[0]!.id}/statuses`);
    expect(statuses).toMatchObject([
      { state: "failure", log_url: expect.stringContaining(`/actions/runs/${id}/job/${jobs[0]!.id}`) },
    ]);
    expect(JSON.stringify(await get(client, `${base}/runs/${id}/jobs`))).not.toContain("live");
    expect((await client.rest("POST", `${base}/runs/${id}/rerun-failed-jobs`)).status).toBe(201);
    expect(await get(client, `${repository}/deployments`)).toHaveLength(1);
  });
});

describe("workflow files", () => {
  it("are dispatched over REST and queue each job when its needs are over", async () => {
    const workspaceSource = await checkout();
    const setup = await startWithSet({ repositories: [{ owner: "acme", name: "widgets", workspaceSource }] });
    const { github, client } = setup;
    const path = `${base}/workflows/chain.yml/dispatches`;
    expect((await client.rest("POST", path, { ref: "main" })).status).toBe(204);
    const [run] = github.control.runs();
    expect(run!.jobs.map(({ key }) => key)).toEqual(["build"]);
    await serve(setup, "r1");
    await serve(setup, "r2");
    const ended = github.control.run(run!.id);
    expect(ended.conclusion).toBe("success");
    expect(Object.fromEntries(ended.jobs.map(({ key, conclusion }) => [key, conclusion]))).toEqual({
      build: "succeeded",
      test: "succeeded",
      never: "skipped",
    });
  });

  it("that are missing or wrong are refused", async () => {
    const workspaceSource = await checkout();
    await writeFile(join(workspaceSource, ".github/workflows/bad.yml"), "on: workflow_dispatch\njobs: 7\n");
    const github = await start({ repositories: [{ owner: "acme", name: "widgets", workspaceSource }] });
    const client = new Client(github);
    const dispatch = (file: string) =>
      client.rest("POST", `${base}/workflows/${file}/dispatches`, { ref: "main" });
    expect((await dispatch("none.yml")).status).toBe(404);
    expect((await dispatch("bad.yml")).status).toBe(422);
    await expect(github.control.dispatchWorkflow({ workflow: "bad.yml" })).rejects.toThrow();
  });
});
