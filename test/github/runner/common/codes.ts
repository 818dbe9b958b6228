/** Exit codes of bin/Runner.Listener (actions/runner src/Runner.Common/Constants.cs). */
export const codes = {
  success: 0,
  terminated: 1,
  retryable: 2,
  sessionConflict: 5,
  versionDeprecated: 7,
} as const;

/** A job's result by its number; bin/Runner.Worker ends with 100 + number (TaskResultUtil.cs). */
export const taskResults = [
  "Succeeded",
  "SucceededWithIssues",
  "Failed",
  "Canceled",
  "Skipped",
  "Abandoned",
] as const;
export type TaskResult = (typeof taskResults)[number];

const workerOffset = 100;
export const toReturnCode = (result: TaskResult) => workerOffset + taskResults.indexOf(result);
/** Null for a code that no healthy worker ends with. */
export const fromReturnCode = (code: number | null): TaskResult | null =>
  (code === null ? undefined : taskResults[code - workerOffset]) ?? null;
