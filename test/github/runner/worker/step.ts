/** One step of a job: condition, environment, time limit, result (src/Runner.Worker/StepsRunner.cs). */
import type { Conclusion, StepMessage, StepResult } from "../../wire.ts";
import { evaluateText, interpolate, type Contexts } from "../../workflow/evaluate.ts";
import { actionName } from "./actions/names.ts";
import { actions } from "./actions/index.ts";
import { stepOutput } from "./commands.ts";
import { createFiles, readFiles, type CommandFiles } from "./files.ts";
import { conditionHolds, limited } from "./limited.ts";
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

/** Takes over what the step left in its files. Answers false when one of them is wrong. */
function absorb({ state, setOutput }: Omit<StepRun, "cancel">, files: CommandFiles): boolean {
  const from = readFiles(files);
  for (const [name, value] of from.env) state.env[name] = value;
  for (const entry of from.path) state.path = [...state.path.filter((known) => known !== entry), entry];
  for (const [name, value] of from.outputs) setOutput(name, value);
  const summary = from.summary.trimEnd();
  if (summary !== "") state.log.write(`##[group]Step summary\n${summary}\n##[endgroup]`);
  for (const problem of from.problems) state.log.error(problem);
  return from.problems.length === 0;
}

function continues(step: StepMessage, contexts: Contexts, state: JobState): boolean {
  if (typeof step.continueOnError === "boolean") return step.continueOnError;
  return String(evaluateText(step.continueOnError, contexts, functionsOf(state))) === "true";
}

interface Course {
  outcome: Conclusion;
  conclusion: Conclusion;
}
const both = (conclusion: Conclusion): Course => ({ outcome: conclusion, conclusion });

/** The step's course once its contexts are known. */
async function perform(
  run: Omit<StepRun, "cancel">,
  step: StepMessage,
  name: string,
  work: Work,
  files: CommandFiles,
) {
  const { state, contexts } = run;
  if (state.cancel.aborted) state.status = "cancelled";
  if (state.shutdown() || !conditionHolds(step, contexts, state)) return both("skipped");
  const ended = await limited(step, name, run, work);
  const outcome = absorb(run, files) || ended !== "succeeded" ? ended : "failed";
  if (outcome === "failed" && continues(step, contexts, state))
    return { outcome, conclusion: "succeeded" } as const;
  return both(outcome);
}

/** Never rejects. `work` replaces the step's own, for hooks. */
export async function runStep(state: JobState, step: StepMessage, work = workOf(step)): Promise<StepResult> {
  const { log, masker } = state;
  const outputs: Record<string, string> = {};
  const setOutput = (key: string, value: string) => void (outputs[key] = value);
  let name = displayName(step, contextsOf(state, state.env), state);
  let course = both("failed");
  try {
    const files = createFiles(state.paths.temp);
    const stepEnv = interpolateAll(step.env, contextsOf(state, state.env), state);
    const env = { ...state.env, ...stepEnv };
    const contexts = contextsOf(state, env, { ...files, action: step.id });
    name = displayName(step, contexts, state);
    // ::save-state is for the later parts of an action, and a `run:` step has none.
    const output = stepOutput(log, masker, (kind, key, value) => kind === "output" && setOutput(key, value));
    const run = { state, contexts, env: environmentOf(state, contexts, env), line: output.line, setOutput };
    course = await perform(run, step, name, work, files);
  } catch (error) {
    log.error((error as Error).message);
  }
  const { outcome, conclusion } = course;
  if (conclusion === "failed" && state.status === "success") state.status = "failure";
  if (!step.id.startsWith("__")) {
    state.steps[step.id] = { outputs, outcome: words[outcome], conclusion: words[conclusion] };
  }
  return { id: step.id, name: masker.mask(name), conclusion, outcome };
}

/** As the `steps` context writes them. */
const words: Record<Conclusion, string> = {
  succeeded: "success",
  failed: "failure",
  canceled: "cancelled",
  skipped: "skipped",
};
