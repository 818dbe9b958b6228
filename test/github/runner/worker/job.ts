/** A whole job on this machine (src/Runner.Worker/JobRunner.cs, JobExtension.cs). */
import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { arch, hostname, release } from "node:os";
import type { Conclusion, JobMessage, JobResult, StepResult } from "../../wire.ts";
import { interpolate } from "../../workflow/evaluate.ts";
import type { Deps } from "../common/deps.ts";
import { runnerVersion } from "../common/version.ts";
import { hook } from "./hooks.ts";
import { killLeftovers } from "./leftovers.ts";
import type { JobLog } from "./log.ts";
import type { Masker } from "./mask.ts";
import { contextsOf, functionsOf, githubOf, makePaths, type JobState } from "./state.ts";
import { runStep } from "./step.ts";

export interface JobOrder {
  message: JobMessage;
  runnerName: string;
  root: string;
  work: string;
  masker: Masker;
  log: JobLog;
  /** Aborts when the job is canceled or the runner shuts down. */
  cancel: AbortSignal;
  shutdown: () => boolean;
}

function heading({ message, runnerName, log }: JobOrder): void {
  log.write(`Current runner version: '${runnerVersion}'`);
  log.write(`Runner name: '${runnerName}'\nMachine name: '${hostname()}'`);
  log.write(`##[group]Operating System\nLinux ${release()} ${arch()}\n##[endgroup]`);
  log.write(
    "This is muster's stand-in for actions/runner: it runs `run:` steps and a few simulated actions.",
  );
  log.write("Prepare workflow directory");
  log.write(`Complete job name: ${message.jobDisplayName}`);
}

/** Aborts after the job's time limit; `stop` frees the timer. */
function timeLimit(order: JobOrder, deps: Deps): { signal: AbortSignal; stop: () => void } {
  const limit = new AbortController();
  const done = new AbortController();
  const { message, log, runnerName } = order;
  deps.sleep(message.timeoutMinutes * 60_000, done.signal).then(
    () => {
      log.error(
        `The job running on runner ${runnerName} has exceeded the maximum execution time of ${message.timeoutMinutes} minutes.`,
      );
      limit.abort(new Error("The job ran out of time."));
    },
    () => undefined,
  );
  return { signal: limit.signal, stop: () => done.abort() };
}

function startState(order: JobOrder, cancel: AbortSignal, deps: Deps): JobState {
  const { message, runnerName, root, work, masker, log, shutdown } = order;
  const state: JobState = {
    message,
    runnerName,
    paths: makePaths(root, work, githubOf(message)),
    masker,
    log,
    deps,
    env: {},
    path: [],
    steps: {},
    status: "success",
    cancel,
    shutdown,
    trackingId: `github_${randomUUID()}`,
  };
  for (const [key, value] of Object.entries(message.env)) {
    state.env[key] = interpolate(value, contextsOf(state, state.env), functionsOf(state));
  }
  return state;
}

async function runSteps(state: JobState): Promise<StepResult[]> {
  const results: StepResult[] = [];
  const started = hook("started", process.env);
  if (started) results.push(await runStep(state, started.step, started.work));
  for (const step of state.message.steps) results.push(await runStep(state, step));
  const completed = hook("completed", process.env);
  if (completed) results.push(await runStep(state, completed.step, completed.work));
  return results;
}

/** An output that holds a secret is not passed on, as GitHub does. */
function outputsOf(state: JobState): Record<string, string> {
  const outputs: Record<string, string> = {};
  for (const [name, text] of Object.entries(state.message.outputs)) {
    const value = interpolate(text, contextsOf(state, state.env), functionsOf(state));
    if (state.masker.mask(value) === value) outputs[name] = value;
    else state.log.write(`##[warning]Skip output '${name}' since it may contain secret.`);
  }
  return outputs;
}

const conclusions: Record<JobState["status"], Conclusion> = {
  success: "succeeded",
  failure: "failed",
  cancelled: "canceled",
};

/** Never rejects; the log is not yet closed. */
export async function runJob(order: JobOrder, deps: Deps): Promise<JobResult> {
  const { message, log } = order;
  const result: JobResult = {
    planId: message.planId,
    jobId: message.jobId,
    conclusion: "failed",
    outputs: {},
    stepResults: [],
  };
  heading(order);
  const limit = timeLimit(order, deps);
  try {
    const state = startState(order, AbortSignal.any([order.cancel, limit.signal]), deps);
    try {
      result.stepResults = await runSteps(state);
      if (state.cancel.aborted) state.status = "cancelled";
      result.outputs = outputsOf(state);
      result.conclusion = conclusions[state.status];
    } finally {
      log.write("Cleaning up orphan processes");
      killLeftovers(state.trackingId, (line) => log.write(line));
      rmSync(state.paths.temp, { recursive: true, force: true, maxRetries: 3 });
    }
  } catch (error) {
    log.error((error as Error).message);
    result.conclusion = "failed";
  } finally {
    limit.stop();
  }
  if (order.shutdown()) {
    log.error(
      "The runner has received a shutdown signal. This can happen when the runner service is stopped, or a manually started runner is canceled.",
    );
    result.conclusion = "failed";
  }
  return result;
}
