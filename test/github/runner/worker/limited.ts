/** A step's work under its time limit and the job's cancellation. */
import type { Conclusion, StepMessage } from "../../wire.ts";
import { evaluateText, holds, type Contexts } from "../../workflow/evaluate.ts";
import { functionsOf, type JobState } from "./state.ts";
import type { StepRun, Work } from "./step.ts";

/** Whether the step's `if` holds as the job stands now. */
export const conditionHolds = (step: StepMessage, contexts: Contexts, state: JobState) =>
  holds(step.condition, { ...contexts, job: { status: state.status } }, functionsOf(state));

/** Milliseconds; null without a limit. */
function timeoutOf(step: StepMessage, contexts: Contexts, state: JobState): number | null {
  if (step.timeoutMinutes === null) return null;
  const minutes = Number(evaluateText(String(step.timeoutMinutes), contexts, functionsOf(state)));
  return minutes > 0 ? minutes * 60_000 : null;
}

/** Aborts when the step is to end; `done` frees what it holds. */
interface Limits {
  signal: AbortSignal;
  canceled: () => boolean;
  done: () => void;
}

function limitsOf(step: StepMessage, name: string, { state, contexts }: Omit<StepRun, "cancel">): Limits {
  const timeoutMs = timeoutOf(step, contexts, state);
  const canceled = new AbortController();
  const late = new AbortController();
  const over = new AbortController();
  // A step that runs although the job is canceled, such as `if: always()`, is not ended by that.
  const onCancel = () => {
    state.status = "cancelled";
    const goesOn = !state.shutdown() && conditionHolds(step, contexts, state);
    if (!goesOn) canceled.abort(state.cancel.reason);
  };
  if (!state.cancel.aborted)
    state.cancel.addEventListener("abort", onCancel, { once: true, signal: over.signal });
  if (timeoutMs !== null) {
    const why = `The action '${name}' has timed out after ${timeoutMs / 60_000} minutes.`;
    state.deps.sleep(timeoutMs, over.signal).then(
      () => late.abort(new Error(why)),
      () => undefined,
    );
  }
  return {
    signal: AbortSignal.any([canceled.signal, late.signal]),
    canceled: () => canceled.signal.aborted && !late.signal.aborted,
    done: () => over.abort(),
  };
}

/** Never rejects because of the work; the log says why it failed. */
export async function limited(
  step: StepMessage,
  name: string,
  run: Omit<StepRun, "cancel">,
  work: Work,
): Promise<Conclusion> {
  const limits = limitsOf(step, name, run);
  try {
    await work({ ...run, cancel: limits.signal });
    return "succeeded";
  } catch (error) {
    run.state.log.error(limits.canceled() ? "The operation was canceled." : (error as Error).message);
    return limits.canceled() ? "canceled" : "failed";
  } finally {
    limits.done();
  }
}
