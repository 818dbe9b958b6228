/** Runs made of a workflow file of a repository. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { promisify } from "node:util";
import type { MakeWorkflow } from "../wire.ts";
import { createRun, type NewRun } from "./runs.ts";
import { plainLogic, type PlainJob } from "./plain.ts";
import type { Sim } from "./sim.ts";
import type { Repository, Run } from "./state.ts";

export interface Dispatch {
  repository: Repository;
  /** File name below .github/workflows, or a path inside the repository, or an absolute one. */
  workflow: string;
  /** Default refs/heads/main. */
  ref?: string;
  inputs?: Record<string, string>;
  eventName?: Run["eventName"];
}

const zeros = "0".repeat(40);

async function loadMakeWorkflow(sim: Sim): Promise<MakeWorkflow> {
  if (sim.options.makeWorkflow) return sim.options.makeWorkflow;
  return (await import("../workflow/run.ts")).makeWorkflow;
}

/** The commit that is checked out, or zeros where there is none. */
async function headOf(directory: string): Promise<string> {
  const git = promisify(execFile)("git", ["-C", directory, "rev-parse", "HEAD"], { timeout: 5_000 });
  return git.then(
    ({ stdout }) => stdout.trim(),
    () => zeros,
  );
}

export function workflowPath(repository: Repository, workflow: string): string {
  const source = repository.workspaceSource;
  if (source === null) {
    throw new Error(
      `${repository.owner}/${repository.name} has no workspaceSource: start the simulator with one, or dispatch plain jobs.`,
    );
  }
  const inside = workflow.includes("/") ? workflow : `.github/workflows/${workflow}`;
  return resolve(source, inside);
}

/** Rejects with every problem when the workflow is wrong or uses what the stand-in does not run. */
export async function dispatchWorkflow(sim: Sim, dispatch: Dispatch): Promise<Run> {
  const {
    repository,
    workflow,
    inputs = {},
    ref = "refs/heads/main",
    eventName = "workflow_dispatch",
  } = dispatch;
  const file = workflowPath(repository, workflow);
  const source = repository.workspaceSource ?? ".";
  const path = relative(source, file);
  const [text, makeWorkflow, sha] = await Promise.all([
    readFile(file, "utf8"),
    loadMakeWorkflow(sim),
    headOf(source),
  ]);
  const event = {
    eventName,
    inputs,
    ref,
    sha,
    repository: `${repository.owner}/${repository.name}`,
    repositoryId: repository.id,
    actor: repository.owner,
    serverUrl: sim.origin,
    apiUrl: `${sim.origin}/api/v3`,
    workspaceSource: source,
  };
  const logic: NewRun["logic"] = (ids) => makeWorkflow(text, path, { ...event, ...ids });
  return createRun(sim, { repository, path, ref, sha, eventName, logic });
}

export function dispatchPlain(sim: Sim, repository: Repository, name: string, jobs: readonly PlainJob[]) {
  const ref = "refs/heads/main";
  const { owner } = repository;
  const github = {
    event_name: "workflow_dispatch",
    ref,
    sha: zeros,
    repository: `${owner}/${repository.name}`,
    repository_owner: owner,
    actor: owner,
    workflow: name,
    server_url: sim.origin,
    api_url: `${sim.origin}/api/v3`,
  };
  const logic: NewRun["logic"] = ({ runId, runNumber, runAttempt }) => {
    const ids = { run_id: `${runId}`, run_number: `${runNumber}`, run_attempt: `${runAttempt}` };
    return Promise.resolve(plainLogic(name, jobs, { ...github, ...ids }));
  };
  const path = ".github/workflows/plain.yml";
  return createRun(sim, { repository, path, ref, sha: zeros, eventName: "workflow_dispatch", logic });
}
