/** Workflows for tests, written as their jobs alone. */
import type { ReadyJob, WorkflowEvent, WorkflowLogic } from "../wire.ts";
import { makeWorkflow } from "./run.ts";

export const event: WorkflowEvent = {
  eventName: "workflow_dispatch",
  inputs: {},
  ref: "refs/heads/main",
  sha: "0".repeat(40),
  repository: "acme/widgets",
  repositoryId: 7,
  runId: 1000,
  runNumber: 1,
  runAttempt: 1,
  actor: "acme",
  serverUrl: "http://github.example",
  apiUrl: "http://github.example/api/v3",
  workspaceSource: "/src/widgets",
};
export const file = ".github/workflows/ci.yml";

export const make = (
  jobs: string,
  more: Partial<WorkflowEvent> = {},
  head = "on: [workflow_dispatch, push]",
) => makeWorkflow(`name: ci\n${head}\njobs:\n${jobs}`, file, { ...event, ...more });
export const problemsOf = async (made: Promise<WorkflowLogic>) =>
  made.then(
    () => [],
    (error: Error) => error.message.split("\n"),
  );
export const keys = (jobs: readonly ReadyJob[]) => jobs.map((job) => job.key);

export const steps = "runs-on: linux, steps: [{ run: ':' }]";
