/** Every number of leaving, with its reason. */
import * as z from "zod";

const second = 1_000;
const minute = 60 * second;

export const limits = {
  /** Between two looks at the manager's status or at AWS. */
  lookMs: 5 * second,
  /** What is waited for is said again so often: a long silence looks like a hang. */
  sayMs: 30 * second,
  /** The manager's machine looks at the bucket every 15 s and tells of it at once; later nobody takes the order up. */
  acknowledgeMs: 60 * second,
  /** A status is written at least every minute: an older one is that of a dead manager. */
  staleMs: 3 * minute,
  /** The manager ends a drain by itself; so long after its limit nobody waits for it any more. */
  drainSpareMs: 30 * second,
  /** Ids in one call: EC2 allows 1,000 and advises fewer. */
  batch: 100,
  /** EC2 ends a machine in one to two minutes, one with a GPU in several. */
  machinesMs: 10 * minute,
  /** A list may lack what was launched a moment ago: only so many empty ones in a row are believed. */
  emptyLists: 2,
  /** Volumes and interfaces mostly go with their machine; what does not is free to be removed within seconds. */
  leftoversMs: minute,
  /** GitHub is cleared up within this or not at all. */
  gitHubMs: 30 * second,
} as const;

export type Limits = { readonly [K in keyof typeof limits]: number };

/** The environment variable with other limits, a JSON object: tests have no minutes to wait for. */
export const limitsVariable = "MUSTER_LEAVING_LIMITS";

const overrides = z.partialRecord(z.enum(Object.keys(limits) as (keyof Limits)[]), z.number().min(1));

/** @param json some of them; what is missing is the default. @throws ZodError, SyntaxError */
export const limitsFrom = (json: string | undefined): Limits => ({
  ...limits,
  ...(overrides.parse(JSON.parse(json || "{}")) as Partial<Limits>),
});
