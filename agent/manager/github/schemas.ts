/** Shapes of the scale set service's answers (github.md 1.5); what muster does not use is not looked at. */
import * as z from "zod";
import type { Ms, Statistics } from "../world.ts";

/** Milliseconds, or null: .NET sends the year 1 for a time that is not yet. */
export const time = z
  .string()
  .nullable()
  .catch(null)
  .default(null)
  .transform((value): Ms | null => {
    const ms = value === null ? NaN : Date.parse(value);
    return Number.isFinite(ms) && ms > 0 ? ms : null;
  });

const count = z.int().min(0).catch(0);

/** GitHub's figures of a set, in our words. */
export const statistics = z
  .object({
    totalAvailableJobs: count,
    totalAcquiredJobs: count,
    totalAssignedJobs: count,
    totalRunningJobs: count,
    totalRegisteredRunners: count,
    totalBusyRunners: count,
    totalIdleRunners: count,
  })
  .transform((is): Statistics => ({
    available: is.totalAvailableJobs,
    acquired: is.totalAcquiredJobs,
    assigned: is.totalAssignedJobs,
    running: is.totalRunningJobs,
    registered: is.totalRegisteredRunners,
    busy: is.totalBusyRunners,
    idle: is.totalIdleRunners,
  }));

export const scaleSet = z.object({
  id: z.int(),
  name: z.string(),
  runnerGroupId: z.int().catch(1),
  /** Null: the answer did not say. */
  labels: z
    .array(z.object({ name: z.string() }).transform(({ name }) => name))
    .nullable()
    .catch(null)
    .default(null),
  statistics: statistics.nullable().catch(null).default(null),
});
export type ScaleSet = z.infer<typeof scaleSet>;

export const group = z.object({ id: z.int(), name: z.string() });

export const session = z.object({
  sessionId: z.string().min(1),
  messageQueueUrl: z.string().catch(""),
  messageQueueAccessToken: z.string().catch(""),
  statistics: statistics.nullable().catch(null).default(null),
});
export type SessionAnswer = z.infer<typeof session>;

export const agent = z.object({
  id: z.int(),
  name: z.string(),
  /** Null: not of a scale set, or not said (0). */
  runnerScaleSetId: z
    .int()
    .nullable()
    .catch(null)
    .default(null)
    .transform((id) => id || null),
});
export type Agent = z.infer<typeof agent>;

export const jitConfig = z.object({ runner: agent, encodedJITConfig: z.string().min(1) });

/** Lists are `{count, value}`; an empty one may lack `value`. */
export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ value: z.array(item).nullable().default([]) }).transform(({ value }) => value ?? []);

export const requestIds = listOf(z.int());
export const acquirable = listOf(
  z.object({ runnerRequestId: z.int() }).transform(({ runnerRequestId }) => runnerRequestId),
);
