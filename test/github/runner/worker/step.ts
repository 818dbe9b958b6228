/** One step of a job: condition, environment, time limit, result (src/Runner.Worker/StepsRunner.cs). */
import type { Conclusion, StepMessage, StepResult } from "../../wire.ts";
import { evaluateText, holds, interpolate, type Contexts } from "../../workflow/evaluate.ts";
import { actionName } from "./actions/names.ts";
import { actions } from "./actions/index.ts";
import { stepOutput } from "./commands.ts";
import { createFiles, readFiles, type CommandFiles } from "./files.ts";
import { runScript } from "./script.ts";
import { contextsOf, environmentOf, functionsOf, type JobState } from "./state.ts";

export interface StepRun {
  state: JobState;
  contexts: Contexts;
  env: NodeJS.ProcessEnv;
  line: (text: string) => void;
  /** Aborts on the step's time limit and on the job's cancellation, unless the step runs in spite of that. */
  cancel: AbortSignal;
  setOutput: (name: string, value: string) => void;
}

/** Its work; rejects to fail the step, in words for the log. */
export type Work = (run: StepRun) => Promise<void>;

const interpolateAll = (values: Readonly<Record<string, string>>, contexts: Contexts, state: JobState) =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, interpolate(value, contexts, functionsOf(state))]),
  );

function workOf(step: StepMessage): Work {
  const { action } = step;
  return async (run) => {
    const text = (value: string | null) =>
      value === null ? null : interpolate(value, run.contexts, functionsOf(run.state));
    if (action.kind === "run") {
      const { defaults } = run.state.message;
      const shell = text(action.shell ?? defaults.shell);
      const directory = text(action.workingDirectory ?? defaults.workingDirectory);
      return runScript({ script: text(action.script)!, shell, directory, shownEnv: step.env }, run);
    }
    const handler = actions[actionName(action.uses)];
    if (!handler) throw new Error(`The stand-in runner does not have the action '${action.uses}'.`);
    const inputs = interpolateAll(action.with, run.contexts, run.state);
    run.line(`##[group]Run ${action.uses} (simulated)`);
    for (const [key, value] of Object.entries(inputs)) run.line(`  ${key}: ${value}`);
    run.line("##[endgroup]");
    return handler({ ...run, inputs, uses: action.uses });
  };
}

function defaultName(step: StepMessage): string {
  if (step.action.kind === "uses") return `Run ${step.action.uses}`;
  return `Run ${step.action.script.trim().split("\n")[0] ?? ""}`;
}

/** A name that cannot be evaluated is shown as it stands. */
function displayName(step: StepMessage, contexts: Contexts, state: JobState): string {
  const name = step.name ?? defaultName(step);
  try {
    return interpolate(name, contexts, functionsOf(state));
  } catch {
    return name;
  }
}

/** Milliseconds; Infinity without a limit. */
function timeoutOf(step: StepMessage, contexts: Contexts, state: JobState): number {
  if (step.timeoutMinutes === null) return Infinity;
  const minutes = Number(evaluateText(String(step.timeoutMinutes), contexts, functionsOf(state)));
  return minutes > 0 ? minutes * 60_000 : Infinity;
}

class TimedOut extends Error {}

/** Runs the work under the job's cancellation and the step's own limit. */
async function limited(
  step: StepMessage,
  name: string,
  run: Omit<StepRun, "cancel">,
  work: Work,
): Promise<Conclusion> {
  const { state, contexts } = run;
  const limit = new AbortController();
  const own = new AbortController();
  // A step that runs although the job is canceled, such as `if: always()`, is not ended by that.
  const onCancel = () => {
    state.status = "cancelled";
    const holdsStill = !state.shutdown() && conditionHolds(step, run.contexts, state);
    if (!holdsStill) own.abort(state.cancel.reason);
  };
  if (!state.cancel.aborted) state.cancel.addEventListener("abort", onCancel, { once: true });
  const done = new AbortController();
  const timeoutMs = timeoutOf(step, contexts, state);
  if (timeoutMs < Infinity) {
    state.deps.sleep(timeoutMs, done.signal).then(
      () =>
        limit.abort(new TimedOut(`The action '${name}' has timed out after ${timeoutMs / 60_000} minutes.`)),
      () => undefined,
    );
  }
  const cancel = AbortSignal.any([own.signal, limit.signal]);
  try {
    await work({ ...run, cancel });
    return "succeeded";
  } catch (error) {
    if (own.signal.aborted && !limit.signal.aborted) {
      state.log.error("The operation was canceled.");
      return "canceled";
    }
    state.log.error((error as Error).message);
    return "failed";
  } finally {
    done.abort();
    state.cancel.removeEventListener("abort", onCancel);
  }
}

const conditionHolds = (step: StepMessage, contexts: Contexts, state: JobState) =>
  holds(step.condition, { ...contexts, job: { status: state.status } }, functionsOf(state));

/** Takes over what the step left in its files. Answers false when one of them is wrong. */
function absorb(state: JobState, files: CommandFiles, outputs: Record<string, string>): boolean {
  const from = readFiles(files);
  for (const [name, value] of from.env) state.env[name] = value;
  for (const entry of from.path) state.path = [...state.path.filter((known) => known !== entry), entry];
  for (const [name, value] of from.outputs) outputs[name] = value;
  if (from.summary.trim() !== "")
    state.log.write(`##[group]Step summary\n${from.summary.trimEnd()}\n##[endgroup]`);
  for (const problem of from.problems) state.log.error(problem);
  return from.problems.length === 0;
}

function continues(step: StepMessage, contexts: Contexts, state: JobState): boolean {
  if (typeof step.continueOnError === "boolean") return step.continueOnError;
  return String(evaluateText(step.continueOnError, contexts, functionsOf(state))) === "true";
}

/** Never rejects. `work` replaces the step's own, for hooks. */
export async function runStep(state: JobState, step: StepMessage, work?: Work): Promise<StepResult> {
  const { log, masker } = state;
  const outputs: Record<string, string> = {};
  const base = contextsOf(state, state.env);
  let contexts = base;
  let outcome: Conclusion;
  let conclusion: Conclusion;
  let name = displayName(step, base, state);
  try {
    const files = createFiles(state.paths.temp);
    const stepEnv = interpolateAll(step.env, contextsOf(state, state.env), state);
    const env = { ...state.env, ...stepEnv };
    contexts = contextsOf(state, env, { ...files, action: step.id });
    name = displayName(step, contexts, state);
    if (state.cancel.aborted) state.status = "cancelled";
    if (state.shutdown() || !conditionHolds(step, contexts, state)) {
      outcome = conclusion = "skipped";
    } else {
      const set = (kind: "output" | "state", key: string, value: string) => {
        if (kind === "output") outputs[key] = value;
      };
      const output = stepOutput(log, masker, set);
      const run = {
        state,
        contexts,
        env: environmentOf(state, contexts, env),
        line: output.line,
        setOutput: (key: string, value: string) => void (outputs[key] = value),
      };
      outcome = await limited(step, name, run, work ?? workOf(step));
      if (!absorb(state, files, outputs) && outcome === "succeeded") outcome = "failed";
      conclusion = outcome === "failed" && continues(step, contexts, state) ? "succeeded" : outcome;
    }
  } catch (error) {
    log.error((error as Error).message);
    outcome = conclusion = "failed";
  }
  if (conclusion === "failed" && state.status === "success") state.status = "failure";
  if (!step.id.startsWith("__")) state.steps[step.id] = { outputs, ...asContext({ outcome, conclusion }) };
  return { id: step.id, name: masker.mask(name), conclusion, outcome };
}

const words: Record<Conclusion, string> = {
  succeeded: "success",
  failed: "failure",
  canceled: "cancelled",
  skipped: "skipped",
};
const asContext = ({ outcome, conclusion }: Pick<StepResult, "outcome" | "conclusion">) => ({
  outcome: words[outcome],
  conclusion: words[conclusion],
});
