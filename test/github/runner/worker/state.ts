/** What a job's steps share, and the contexts that their expressions see. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { JobMessage } from "../../wire.ts";
import { hostFunction, type Contexts, type Functions } from "../../workflow/evaluate.ts";
import type { Deps } from "../common/deps.ts";
import { hashFiles } from "./hash-files.ts";
import type { JobLog } from "./log.ts";
import type { Masker } from "./mask.ts";

export interface Paths {
  /** `_work/<repo>` */
  pipeline: string;
  /** `_work/<repo>/<repo>` */
  workspace: string;
  /** `_work/_temp`, empty at the start and at the end of a job. */
  temp: string;
  /** `_work/_tool` */
  tool: string;
  /** The folder of run.sh. */
  root: string;
}

export interface StepRecord {
  outputs: Record<string, string>;
  outcome: string;
  conclusion: string;
}

export interface JobState {
  message: JobMessage;
  runnerName: string;
  paths: Paths;
  masker: Masker;
  log: JobLog;
  deps: Deps;
  /** Job level and GITHUB_ENV. */
  env: Record<string, string>;
  /** GITHUB_PATH, the latest last. */
  path: string[];
  steps: Record<string, StepRecord>;
  status: "success" | "failure" | "cancelled";
  /** Aborts when the job is canceled, runs out of time, or its runner shuts down. */
  cancel: AbortSignal;
  /** True when the runner shuts down: no further step starts, whatever its condition. */
  shutdown: () => boolean;
  /** What the processes of this job carry as RUNNER_TRACKING_ID. */
  trackingId: string;
}

/** A repository's part of the path; plain jobs have none. */
const repositoryName = (github: Record<string, unknown>) =>
  String(github["repository"] ?? "").split("/")[1] || "workspace";

/** Makes the folders of a job; `_temp` starts empty. */
export function makePaths(root: string, work: string, github: Record<string, unknown>): Paths {
  const pipeline = join(work, repositoryName(github));
  const paths = {
    root,
    pipeline,
    workspace: join(pipeline, repositoryName(github)),
    temp: join(work, "_temp"),
    tool: toolDirectory(work),
  };
  rmSync(paths.temp, { recursive: true, force: true });
  for (const path of [paths.workspace, paths.tool, join(paths.temp, "_github_workflow")]) {
    mkdirSync(path, { recursive: true });
  }
  writeFileSync(eventPath(paths), JSON.stringify(github["event"] ?? {}));
  return paths;
}

const toolDirectory = (work: string) =>
  process.env["RUNNER_TOOL_CACHE"] ??
  process.env["RUNNER_TOOLSDIRECTORY"] ??
  process.env["AGENT_TOOLSDIRECTORY"] ??
  join(work, "_tool");

const eventPath = ({ temp }: Paths) => join(temp, "_github_workflow", "event.json");

export const githubOf = ({ contexts }: JobMessage) => (contexts["github"] ?? {}) as Record<string, unknown>;

const arch = process.arch === "arm64" ? "ARM64" : "X64";

const runnerContext = ({ paths, runnerName }: JobState) => ({
  name: runnerName,
  os: "Linux",
  arch,
  temp: paths.temp,
  tool_cache: paths.tool,
  workspace: paths.pipeline,
  environment: "self-hosted",
});

/** Every context of a step; `files` are those of its GITHUB_OUTPUT and so on. */
export function contextsOf(
  state: JobState,
  env: Readonly<Record<string, string>>,
  more: Readonly<Record<string, string>> = {},
): Contexts {
  const { message, paths } = state;
  const github = {
    ...githubOf(message),
    workspace: paths.workspace,
    event_path: eventPath(paths),
    ...more,
  };
  const empty = { needs: {}, strategy: {}, matrix: null, vars: {}, inputs: {} };
  const token = githubOf(message)["token"] ?? "";
  const job = { status: state.status };
  return {
    ...empty,
    ...message.contexts,
    github,
    secrets: { GITHUB_TOKEN: token },
    env,
    job,
    runner: runnerContext(state),
    steps: state.steps,
  };
}

/** always(), cancelled(), success(), failure() and hashFiles(). */
export const functionsOf = (state: JobState): Functions => [
  hostFunction("always", 0, () => true),
  hostFunction("cancelled", 0, () => state.status === "cancelled"),
  hostFunction("success", 0, () => state.status === "success"),
  hostFunction("failure", 0, () => state.status === "failure"),
  hostFunction("hashFiles", 255, (patterns) => hashFiles(state.paths.workspace, patterns.map(String))),
];

/** Keys of the github context that steps see as GITHUB_* (src/Runner.Worker/GitHubContext.cs). */
const exported = (
  "action action_path action_ref action_repository actor api_url base_ref env event_name event_path graphql_url " +
  "head_ref job output path ref ref_name ref_protected ref_type repository repository_id repository_owner " +
  "retention_days run_attempt run_id run_number server_url sha state step_summary triggering_actor workflow " +
  "workflow_ref workflow_sha workspace"
).split(" ");

/** The whole environment of a step: the runner's own, the job's, the step's, GITHUB_* and RUNNER_*. */
export function environmentOf(
  state: JobState,
  contexts: Contexts,
  env: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const github = contexts["github"] as Record<string, unknown>;
  const from = exported.flatMap((key) =>
    github[key] === undefined ? [] : [[`GITHUB_${key.toUpperCase()}`, String(github[key])]],
  );
  const runner = Object.entries(runnerContext(state)).map(([key, value]) => [
    `RUNNER_${key.toUpperCase()}`,
    value,
  ]);
  const path = env["PATH"] ?? process.env["PATH"] ?? "";
  return {
    CI: "true",
    ...process.env,
    ...env,
    ...(Object.fromEntries([...from, ...runner]) as Record<string, string>),
    GITHUB_ACTIONS: "true",
    RUNNER_TRACKING_ID: state.trackingId,
    PATH: [...state.path.toReversed(), path].join(delimiter),
  };
}
