/**
 * What the simulator and its stand-in runner do not run. Refused by name when a workflow is dispatched, so that a
 * green run never hides a part that was left out. Without effect, as nothing in a simulated run could show one:
 * `permissions`, `concurrency`, `run-name`, `environment.url`, `cancel-timeout-minutes`.
 */
import type { Step, WorkflowJob } from "@actions/workflow-parser/model/workflow-template";
import type { TemplateToken } from "@actions/workflow-parser/templates/tokens/index";
import { isMapping, isString } from "@actions/workflow-parser/templates/tokens/type-guards";
import { actionName, supportedActions } from "../runner/worker/actions/names.ts";
import type { Problem } from "./problems.ts";
import { find, pick, text } from "./template.ts";

const shells = ["cmd", "powershell", "pwsh"];

const problem = (token: TemplateToken | undefined, message: string): Problem => ({
  at: token?.range?.start ?? null,
  message,
});

function shellProblem(root: TemplateToken | undefined, ...path: (string | number)[]): Problem[] {
  const token = find(root, ...path, "shell");
  const shell = token && isString(token) ? token.value.split(" ")[0]! : "";
  if (!shells.includes(shell)) return [];
  return [
    problem(
      token,
      `shell '${shell}' is not run by the stand-in runner; use bash, sh, python, node or '<command> {0}'`,
    ),
  ];
}

function stepProblems(root: TemplateToken, jobId: string, step: Step, index: number): Problem[] {
  const here = find(root, "jobs", jobId, "steps", index);
  const problems = shellProblem(here);
  if ("uses" in step && !supportedActions.includes(actionName(step.uses.value))) {
    problems.push(
      problem(
        step.uses,
        `'${step.uses.value}' is not run by the stand-in runner; it knows ${supportedActions.join(", ")}`,
      ),
    );
  }
  const background = find(here, "background") ?? find(here, "parallel");
  if (background)
    problems.push(problem(background, "background and parallel steps are not run by the stand-in runner"));
  return problems;
}

const wholeJobs = [
  ["container", "job containers are not run by the stand-in runner; run the steps on the machine"],
  ["services", "service containers are not run by the stand-in runner; start what the steps need in a step"],
  ["snapshot", "snapshots of a job's machine are not made by the simulator"],
] as const;

function jobProblems(root: TemplateToken, job: WorkflowJob): Problem[] {
  const here = find(root, "jobs", job.id.value);
  if (job.type === "reusableWorkflowJob") {
    return [
      problem(
        job.ref,
        `job '${job.id.value}' calls the reusable workflow '${job.ref.value}', which the simulator does not run; write its jobs into this workflow`,
      ),
    ];
  }
  const problems = wholeJobs.flatMap(([key, message]) => {
    const token = find(here, key);
    return token ? [problem(token, message)] : [];
  });
  const runsOn = find(here, "runs-on");
  const group = runsOn && isMapping(runsOn) ? runsOn.find("group") : undefined;
  if (group) problems.push(problem(group, "runs-on.group is not routed by the simulator; use labels"));
  problems.push(...shellProblem(here, "defaults", "run"));
  return [...problems, ...job.steps.flatMap((step, index) => stepProblems(root, job.id.value, step, index))];
}

/** Every part of the workflow that is not run here. */
export const unsupported = (root: TemplateToken, jobs: readonly WorkflowJob[]): Problem[] => [
  ...shellProblem(root, "defaults", "run"),
  ...jobs.flatMap((job) => jobProblems(root, job)),
];

/** The workflow's `name`, else its file. */
export const workflowName = (document: unknown, file: string): string => text(pick(document, "name")) || file;
