/** Pulumi, the real manager, real agents and the simulated GitHub together: what only `up` and `destroy` can show. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { realCliDeps } from "../../agent/cli/deps.ts";
import { sweep } from "../../agent/cli/local/sweep.ts";
import type { ManagerState } from "../../agent/manager/view.ts";
import { folder, readRecord } from "../../agent/supervisor/folder.ts";
import { openLocalStack, type LocalStack } from "../../tools/engine/local-stack.ts";
import { processesOf } from "../../tools/start/processes.ts";
import { startGitHub, type GitHubSimulator } from "../github/server.ts";
import { copyProject, type Project } from "./project.ts";
import { kill } from "./rig.ts";

const labels = ["self-hosted", "linux", "small"];
let github: GitHubSimulator;
let project: Project;
let stack: LocalStack;
let directory: string;

beforeAll(async () => {
  github = await startGitHub();
  project = await copyProject({ settings: { "muster:github": { url: github.repositoryUrl } } });
  stack = await openLocalStack({ root: project.root, log: () => {} });
  directory = join(project.root, ".muster/local");
  await stack.setConfig({ pools: { small: { labels, max: 2 } } });
  await stack.setSecret("githubToken", github.token);
});
afterAll(async () => {
  await sweep(directory, null, { ...realCliDeps, say: () => {} });
  await project.remove();
  await github.stop();
});

const pids = async () => {
  const { supervisor, manager } = (await readRecord(folder(directory)))!;
  return [supervisor.pid, manager!.pid] as const;
};
const dispatch = async (name: string, durationSeconds: number) =>
  (await github.control.dispatchJobs([{ name, labels, durationSeconds }])).id;
const running = (count: number) => github.control.wait({ what: "jobs", phase: "running", count }, 30_000);
const state = async () =>
  (await fetch(`http://127.0.0.1:${project.port}/api/state`)).json() as Promise<ManagerState>;
const leftovers = async () => ({
  processes: processesOf(join(project.root, ".muster")).map(({ command }) => command),
  folder: await stat(directory).then(
    () => directory,
    () => null,
  ),
  runners: github.control.runners().length,
  scaleSets: github.control.scaleSets().length,
});
const nothing = { processes: [], folder: null, runners: 0, scaleSets: 0 };

test("up serves jobs; while one runs no process but the manager's memory knows the token; no change afterwards", async () => {
  await stack.up();
  const run = await dispatch("first", 2);
  await running(1);
  for (const { pid } of processesOf(join(project.root, ".muster")))
    for (const file of ["environ", "cmdline"])
      expect(await readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")).not.toContain(github.token);
  await github.control.wait({ what: "run-completed", run }, 30_000);
  expect((await stack.preview()).changes).toEqual({ same: 6 });
});

test("a changed max goes live without replacing the manager", async () => {
  const before = await pids();
  await stack.setConfig({ pools: { small: { labels, max: 3 } } });
  await stack.up();
  expect(await pids()).toEqual(before);
  expect((await state()).pools.map(({ max }) => max)).toEqual([3]);
});

test("destroy with a job running drains first: the job finishes, then nothing is left", async () => {
  const run = await dispatch("while destroying", 5);
  await running(1);
  const lines: string[] = [];
  await stack.destroy((line) => void lines.push(line));
  expect(lines.join("\n")).toContain("draining: 1 machines left: 1 busy");
  expect(github.control.run(run).conclusion).toBe("success");
  expect(await leftovers()).toEqual(nothing);
});

test("destroy with supervisor and manager dead and a job running leaves nothing", async () => {
  await stack.up();
  await dispatch("never finishes", 600);
  await running(1);
  await kill(...(await pids()));
  await stack.destroy();
  expect(await leftovers()).toEqual(nothing);
});
