/** Workflow runs and their jobs over REST. */
import { restRefusal } from "../core/errors.ts";
import { cancelRun, latestJobs, rerun, runStatus, type Rerun } from "../core/runs.ts";
import type { Sim } from "../core/sim.ts";
import type { Job, Repository, Run } from "../core/state.ts";
import { dispatchWorkflow } from "../core/workflows.ts";
import type { Conclusion } from "../wire.ts";
import { isoSeconds, repositoryView } from "./app.ts";
import { actionsRepository } from "./auth.ts";
import { body, nothing, page, text, type Ctx, type Handlers } from "./http.ts";

const iso = (ms: number | null) => (ms === null ? null : isoSeconds(ms));
const conclusions: Record<Conclusion, string> = {
  succeeded: "success",
  failed: "failure",
  canceled: "cancelled",
  skipped: "skipped",
};

const repoUrl = (sim: Sim, { owner, name }: Repository) => `${sim.origin}/api/v3/repos/${owner}/${name}`;
const runUrl = (sim: Sim, run: Run) => `${repoUrl(sim, run.repository)}/actions/runs/${run.id}`;
const branch = (run: Run) => run.ref.replace(/^refs\/heads\//, "");

export const runView = (sim: Sim, run: Run) => ({
  id: run.id,
  name: run.name,
  path: run.path,
  run_number: run.number,
  run_attempt: run.attempt,
  event: run.eventName,
  status: runStatus(run),
  conclusion: run.conclusion,
  head_branch: branch(run),
  head_sha: run.sha,
  url: runUrl(sim, run),
  html_url: `${sim.origin}/${run.repository.owner}/${run.repository.name}/actions/runs/${run.id}`,
  jobs_url: `${runUrl(sim, run)}/jobs`,
  created_at: iso(run.createdMs),
  updated_at: iso(run.updatedMs),
  run_started_at: iso(run.startedMs),
  repository: repositoryView(sim, run.repository),
});

function jobStatus(job: Job): "queued" | "in_progress" | "completed" {
  if (job.phase === "completed") return "completed";
  return job.phase === "running" ? "in_progress" : "queued";
}

export const jobView = (sim: Sim, job: Job) => ({
  id: job.id,
  run_id: job.run.id,
  run_url: runUrl(sim, job.run),
  run_attempt: job.attempt,
  workflow_name: job.run.name,
  head_branch: branch(job.run),
  head_sha: job.run.sha,
  name: job.name,
  labels: job.labels,
  status: jobStatus(job),
  conclusion: job.conclusion && conclusions[job.conclusion],
  created_at: iso(job.queuedMs),
  started_at: iso(job.startedMs ?? job.queuedMs),
  completed_at: iso(job.completedMs),
  // GitHub names a runner only once the job runs there.
  runner_id: job.startedMs === null ? null : (job.runner?.id ?? null),
  runner_name: job.startedMs === null ? null : (job.runner?.name ?? null),
  runner_group_id: job.startedMs === null ? null : (job.runner?.groupId ?? null),
  steps: job.stepResults.map((step, index) => ({
    number: index + 1,
    name: step.name,
    status: "completed",
    conclusion: conclusions[step.conclusion],
  })),
});

function pathRun(sim: Sim, c: Ctx, level: "read" | "write"): Run {
  const repository = actionsRepository(sim, c, level);
  const run = sim.state.runs.get(Number(c.req.param("id")));
  if (run?.repository !== repository) throw restRefusal(404, "Not Found");
  return run;
}
function pathJob(sim: Sim, c: Ctx, level: "read" | "write"): Job {
  const repository = actionsRepository(sim, c, level);
  const job = sim.state.jobs.get(Number(c.req.param("id")));
  if (job?.run.repository !== repository) throw restRefusal(404, "Not Found");
  return job;
}

/** Newest first; a filtered list holds at most 1,000 (github.md section 5). */
function listRuns(sim: Sim, c: Ctx) {
  const repository = actionsRepository(sim, c, "read");
  const { status, event } = c.req.query();
  const wanted = (run: Run) => !status || runStatus(run) === status || run.conclusion === status;
  const found = [...sim.state.runs.values()]
    .filter((run) => run.repository === repository && wanted(run) && (!event || run.eventName === event))
    .reverse()
    .slice(0, status || event ? 1000 : undefined);
  const runs = page(c, found).map((run) => runView(sim, run));
  return c.json({ total_count: found.length, workflow_runs: runs });
}

function listJobs(sim: Sim, c: Ctx) {
  const run = pathRun(sim, c, "read");
  const jobs = c.req.query("filter") === "all" ? run.jobs : latestJobs(run);
  return c.json({ total_count: jobs.length, jobs: page(c, jobs).map((job) => jobView(sim, job)) });
}

async function dispatch(sim: Sim, c: Ctx) {
  const repository = actionsRepository(sim, c, "write");
  const { ref, inputs } = (await body(c)) as { ref?: string; inputs?: Record<string, string> };
  if (!ref) throw restRefusal(422, "Invalid request. ref is required");
  const full = ref.startsWith("refs/") ? ref : `refs/heads/${ref}`;
  const workflow = c.req.param("workflow") ?? "";
  await dispatchWorkflow(sim, { repository, workflow, ref: full, inputs: inputs ?? {} }).catch(
    (error: Error) => {
      throw "code" in error && error.code === "ENOENT"
        ? restRefusal(404, "Not Found")
        : restRefusal(422, error.message);
    },
  );
  return nothing(204);
}

/** 403 while the run is in progress (cli/cli #9221), in other words where one job was named. */
async function again(sim: Sim, c: Ctx, run: Run, which: Rerun) {
  if (run.conclusion === null)
    throw restRefusal(
      403,
      typeof which === "string"
        ? "This workflow is already running"
        : "The workflow run containing this job is already running",
    );
  await rerun(sim, run, which);
  return c.json({}, 201);
}

export const runHandlers = {
  "rest.dispatch": dispatch,
  "rest.runs": listRuns,
  "rest.run": (sim, c) => c.json(runView(sim, pathRun(sim, c, "read"))),
  "rest.run-jobs": listJobs,
  "rest.run-artifacts": (sim, c) => {
    const run = pathRun(sim, c, "read");
    const found = [...sim.state.artifacts.values()].filter((one) => one.run === run && one.finalized);
    const artifacts = found.map(({ id, name, content, createdMs, digest }) => ({
      id,
      name,
      size_in_bytes: content.length,
      created_at: iso(createdMs),
      expired: false,
      digest,
    }));
    return c.json({ total_count: artifacts.length, artifacts: page(c, artifacts) });
  },
  "rest.run-cancel": (sim, c) => {
    if (cancelRun(pathRun(sim, c, "write"), sim)) return c.json({}, 202);
    throw restRefusal(409, "Cannot cancel a workflow run that is completed.");
  },
  "rest.run-rerun": (sim, c) => again(sim, c, pathRun(sim, c, "write"), "all"),
  "rest.run-rerun-failed": (sim, c) => again(sim, c, pathRun(sim, c, "write"), "failed"),
  "rest.job": (sim, c) => c.json(jobView(sim, pathJob(sim, c, "read"))),
  "rest.job-rerun": (sim, c) => {
    const job = pathJob(sim, c, "write");
    return again(sim, c, job.run, { job });
  },
  "rest.job-logs": (sim, c) => c.text(text(pathJob(sim, c, "read").log)),
} satisfies Partial<Handlers>;
