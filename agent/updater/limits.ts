/** Times of the updater, each with its why. Milliseconds. */
import * as z from "zod";

export const defaultLimits = {
  /** How often bucket is looked at: a changed limit is live within 30 s. */
  watchMs: 15_000,
  /** How often a manager on trial is asked how it is. */
  probeMs: 1_000,
  /** A new manager that is red for so long is taken back. */
  redMs: 60_000,
  /** A new manager that is green for so long is kept. */
  steadyMs: 30_000,
  /** Secrets change outside the stack, too: a reference names a parameter that others write. */
  secretsMs: 300_000,
  /** The status is written at least so often: an old one means a dead machine. */
  statusMs: 60_000,
  /** Alarms look at each minute. */
  metricsMs: 60_000,
  /**
   * A drain order counts for its own timeout and so much longer: the destroy that wrote it has then ended this machine,
   * or was killed and took nothing back.
   */
  drainSpareMs: 300_000,
  /** What was said is in CloudWatch within so much time, and a little. */
  logsMs: 15_000,
  /** One call of S3 or SSM; a bundle takes longer than a parameter on a slow line. */
  callMs: 20_000,
  downloadMs: 300_000,
  /** A new updater that looks at the bucket must come to an end. */
  lookMs: 120_000,
  /** Restarting a unit: the manager ends its sessions first. */
  restartMs: 60_000,
  /** Processes of one trial; more means that it keeps dying. */
  processesMax: 6,
};
export type UpdaterLimits = typeof defaultLimits;

const overrides = z.partialRecord(
  z.enum(Object.keys(defaultLimits) as (keyof UpdaterLimits)[]),
  z.number().min(1),
);

/** @param json JSON of some of them; what is missing is the default. @throws ZodError, SyntaxError */
export const limitsFrom = (json: string | undefined): UpdaterLimits => ({
  ...defaultLimits,
  ...(overrides.parse(JSON.parse(json || "{}")) as Partial<UpdaterLimits>),
});
