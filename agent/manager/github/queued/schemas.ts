/** Shapes of the REST answers (github.md section 5); what muster does not use is not looked at. */
import * as z from "zod";
import { visible } from "../../web/visible.ts";
import { time } from "../schemas.ts";

const text = (max: number) =>
  z
    .string()
    .catch("")
    .default("")
    .transform((value) => visible(value, max));
const word = z.string().nullable().catch(null).default(null);

export const run = z.object({
  id: z.int(),
  status: z.string(),
  run_attempt: z.int().catch(1).default(1),
  path: text(300),
  head_branch: text(300),
  updated_at: word,
});
export const runs = z
  .object({ total_count: z.int().catch(0).default(0), workflow_runs: z.array(run) })
  .transform((page) => ({ total: page.total_count, items: page.workflow_runs }));
export type RunEntry = z.infer<typeof run>;

export const job = z.object({
  id: z.int(),
  run_id: z.int(),
  name: text(300),
  labels: z.array(z.string()).catch([]).default([]),
  status: z.string(),
  conclusion: word,
  created_at: time,
  runner_name: word.transform((name) => (name === "" ? null : name)),
});
export const jobs = z
  .object({ total_count: z.int().catch(0).default(0), jobs: z.array(job) })
  .transform((page) => ({ total: page.total_count, items: page.jobs }));
export type JobEntry = z.infer<typeof job>;

const repository = z.object({
  full_name: z.string(),
  owner: z.object({ login: z.string() }),
  archived: z.boolean().catch(false).default(false),
  disabled: z.boolean().catch(false).default(false),
  pushed_at: time,
});
/** Of an organisation: a bare list. Of an installation: counted. */
export const repositories = z.union([
  z.array(repository).transform((items) => ({ total: items.length, items })),
  z
    .object({ total_count: z.int().catch(0).default(0), repositories: z.array(repository) })
    .transform((page) => ({ total: page.total_count, items: page.repositories })),
]);

const runner = z.object({ id: z.int(), name: z.string(), busy: z.boolean().catch(false).default(false) });
export const runners = z
  .object({ total_count: z.int().catch(0).default(0), runners: z.array(runner) })
  .transform((page) => ({ total: page.total_count, items: page.runners }));
export const groups = z
  .object({
    total_count: z.int().catch(0).default(0),
    runner_groups: z.array(z.object({ id: z.int(), name: z.string() })),
  })
  .transform((page) => ({ total: page.total_count, items: page.runner_groups }));
export const jitConfig = z.object({ runner, encoded_jit_config: z.string().min(1) });
