/**
 * What the simulator's broker and the stand-in runner say to each other: the shapes of the real runner's broker and
 * run service (actions/runner, src/Sdk), reduced to what a job of `run:` steps needs. Whoever changes one side
 * changes this file.
 *
 * The runner learns everything from its JIT config (base64 of a JSON map of file name -> base64 content):
 *   .runner                 {AgentId, AgentName, PoolId, PoolName, Ephemeral, ServerUrl, GitHubUrl, WorkFolder, UseV2Flow, ServerUrlV2, DisableUpdate}
 *   .credentials            {Scheme: "OAuth", Data: {clientId, authorizationUrl, requireFipsCryptography}}
 *   .credentials_rsaparams  {d, dp, dq, exponent, inverseQ, modulus, p, q}   (base64 each)
 *
 * POST {authorizationUrl}     form: grant_type=client_credentials, client_assertion=<RS256 JWT, sub=iss=clientId>
 *                             -> 200 {access_token, expires_in, token_type}; 400 {error: "invalid_client"} once deleted
 * With Authorization: Bearer <access_token>, paths below ServerUrlV2 (which ends in a slash):
 * POST   session              {ownerName, agent: {id, name, version, osDescription}} -> 200 {sessionId}
 *                             409 another session is open; 404 the runner was deleted; 403 version deprecated
 * GET    message?sessionId=&status=Online|Busy&runnerVersion=&os=&architecture=&disableUpdate=
 *                             -> 200 {@link BrokerMessage}, held up to 50 s, else 202 without a body; 404 deleted
 * POST   acknowledge?sessionId=   {runnerRequestId} -> 200
 * DELETE session?sessionId=   -> 204
 * Below the message's run_service_url:
 * POST   acquirejob           {jobMessageId, runnerOS, billingOwnerId} -> 200 {@link JobMessage}; 404, 409, 422: skip it
 * POST   renewjob             {planId, jobId} -> 200 {lockedUntil}; every 60 s; a job not renewed for 10 min fails
 * POST   completejob          {@link JobResult} -> 200
 * POST   log                  text/plain lines, appended to the job's log -> 204
 */

export type BrokerMessage =
  | { messageId: number; messageType: "RunnerJobRequest"; body: string }
  | { messageId: number; messageType: "JobCancellation"; body: string };

/** `body` of RunnerJobRequest, as JSON. */
export interface RunnerJobRequest {
  runner_request_id: string;
  run_service_url: string;
  billing_owner_id: string;
}
/** `body` of JobCancellation, as JSON. */
export interface JobCancellation {
  jobId: string;
  /** A .NET TimeSpan, `00:05:00`. */
  timeout: string;
}

export type Conclusion = "succeeded" | "failed" | "canceled" | "skipped";

/** One step as it stands in the workflow, expressions not yet evaluated: the runner does that, as the real one. */
export interface StepMessage {
  id: string;
  /** As shown; may hold expressions. */
  name: string | null;
  condition: string;
  /** Expressions inside stay as `${{ ... }}` text. */
  env: Record<string, string>;
  continueOnError: string | boolean;
  timeoutMinutes: string | number | null;
  action:
    | { kind: "run"; script: string; shell: string | null; workingDirectory: string | null }
    | { kind: "uses"; uses: string; with: Record<string, string> };
}

export interface JobMessage {
  planId: string;
  jobId: string;
  jobDisplayName: string;
  /** Contexts for @actions/expressions: github, needs, strategy, matrix, vars, inputs; plain JSON. */
  contexts: Record<string, unknown>;
  /** Workflow and job level, job last wins; may hold expressions. */
  env: Record<string, string>;
  defaults: { shell: string | null; workingDirectory: string | null };
  steps: StepMessage[];
  /** Job outputs; values hold expressions over `steps`. */
  outputs: Record<string, string>;
  timeoutMinutes: number;
  /** Values the runner replaces by *** in every line it prints or sends. */
  mask: string[];
  /** Actions runtime: artifact service and the job's own token. */
  system: { resultsUrl: string; runtimeToken: string; runtimeUrl: string };
}

export interface StepResult {
  id: string;
  name: string;
  /** After continue-on-error. */
  conclusion: Conclusion;
  /** Before continue-on-error. */
  outcome: Conclusion;
}
export interface JobResult {
  planId: string;
  jobId: string;
  conclusion: Conclusion;
  outputs: Record<string, string>;
  stepResults: StepResult[];
}

/** What test/github/workflow/ makes of a job of a run, and the server queues. */
export interface ReadyJob {
  /** Unique within the run: `build (arm64, 24)`. */
  key: string;
  displayName: string;
  runsOn: string[];
  environment: string | null;
  message: Omit<JobMessage, "planId" | "jobId" | "system" | "mask">;
}
/** A workflow run's logic, without transport; test/github/workflow/run.ts makes one. */
export interface WorkflowLogic {
  name: string;
  /** Jobs whose needs are over and whose `if` holds; each is returned once. */
  ready(): ReadyJob[];
  /** A job that ready() returned ended. */
  finish(key: string, conclusion: Conclusion, outputs: Record<string, string>): void;
  /** Jobs that never run because of `if`, a failed need, or a cancellation before they started, by key. */
  skipped(): string[];
  /** Jobs whose needs or conditions allow them in spite of it, such as `if: always()`, still become ready. */
  cancel(): void;
  /** Running jobs that fail-fast wants canceled, by key; each is returned once. */
  toCancel?(): string[];
  /** Why jobs failed before they could be made, such as an expression that has no value; for people. */
  problems?(): string[];
  /** null while any job is waiting or running. */
  conclusion(): "success" | "failure" | "cancelled" | null;
}
export interface WorkflowEvent {
  eventName: "workflow_dispatch" | "push";
  inputs: Record<string, string>;
  ref: string;
  sha: string;
  /** owner/name */
  repository: string;
  repositoryId: number;
  runId: number;
  runNumber: number;
  runAttempt: number;
  actor: string;
  serverUrl: string;
  apiUrl: string;
  /** Directory of the checked-out repository; the stand-in's actions/checkout copies from it. Steps see it as `github.workspace_source`. */
  workspaceSource: string;
}
/** Rejects with every problem, file and line, when the workflow is wrong or uses what the stand-in does not run. */
export type MakeWorkflow = (text: string, file: string, event: WorkflowEvent) => Promise<WorkflowLogic>;
