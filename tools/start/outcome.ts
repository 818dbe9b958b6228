/** The last line of `npm start --json`: what a program learns of a run. `npm test` reads it back. */
import * as z from "zod";

const count = z.int().min(0);

export const outcome = z.object({
  jobs: z.object({ total: count, succeeded: count, failed: count }),
  /** Queued to running, in seconds; null when no job ran. */
  wait: z.object({ p50Seconds: z.nullable(z.number()), maxSeconds: z.nullable(z.number()) }),
  /** What is left after `destroy`; with --keep what stands at that moment. */
  leftovers: z.object({ processes: count, directories: count, runners: count, scaleSets: count }),
  engine: z.object({ version: z.string(), source: z.string() }),
  /** The whole run. */
  seconds: z.number(),
});
export type Outcome = z.infer<typeof outcome>;
