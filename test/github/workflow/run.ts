/** A workflow run's logic: which job may start when, and how the run comes out. */
import type { Job } from "@actions/workflow-parser/model/workflow-template";
import type { MakeWorkflow, WorkflowEvent, WorkflowLogic } from "../wire.ts";
import { githubContext } from "./contexts.ts";
import { graph, type Graph } from "./graph.ts";
import { expandJob } from "./jobs.ts";
import { parse, type Parsed } from "./parser.ts";
import { refuse, type Problem } from "./problems.ts";
import { find, pick } from "./template.ts";
import { trigger, type Inputs } from "./triggers.ts";
import { unsupported, workflowName } from "./unsupported.ts";

function check(
  { template, root, document }: Parsed,
  event: WorkflowEvent,
): { inputs: Inputs; problems: Problem[] } {
  const on = find(root, "on");
  const { inputs, problems } = trigger(pick(document, "on"), event);
  const at = on?.range?.start ?? null;
  const all = [...problems.map((message) => ({ at, message })), ...unsupported(root, template.jobs)];
  return { inputs, problems: all };
}

function logic(name: string, jobs: Graph): WorkflowLogic {
  return {
    name,
    ready: () => jobs.ready(),
    finish: (key, conclusion, outputs) => jobs.finish(key, conclusion, outputs),
    skipped: () => jobs.skipped(),
    cancel: () => jobs.cancel(),
    toCancel: () => jobs.toCancel(),
    problems: () => jobs.problems(),
    conclusion: () => jobs.conclusion(),
  };
}

/**
 * @param file as people know it, such as `.github/workflows/ci.yml`; named in errors and contexts.
 * @throws WorkflowRefused (as a rejection) with every problem, file, line and column.
 */
export const makeWorkflow: MakeWorkflow = async (text, file, event) => {
  const parsed = await parse(text, file);
  const { inputs, problems } = check(parsed, event);
  if (problems.length > 0) throw refuse(file, problems);
  const name = workflowName(parsed.document, file);
  const shared = { github: githubContext(event, name, file, inputs), inputs, vars: {} };
  const jobs = parsed.template.jobs as Job[];
  const expand = (job: Job, needs: Record<string, unknown>) => {
    const github = { ...shared.github, job: job.id.value };
    return expandJob(parsed.document, job, { ...shared, github, needs });
  };
  return logic(name, graph(jobs, shared, expand));
};
