/**
 * Environments and deployments over REST (docs): a job with an `environment` makes a deployment when it starts, and that is
 * all by which the REST API tells that it has one.
 */
import { restRefusal } from "../core/errors.ts";
import type { Sim } from "../core/sim.ts";
import type { Job, Repository } from "../core/state.ts";
import { isoSeconds } from "./app.ts";
import { actionsRepository } from "./auth.ts";
import { page, type Ctx, type Handlers } from "./http.ts";

/** A job's deployment has an id of its own. */
const firstDeploymentId = 900_000_000;

/** Jobs that started there, and not those that a re-run took over from an earlier attempt. */
const deploying = (sim: Sim, repository: Repository): Job[] =>
  [...sim.state.jobs.values()].filter(
    (job) =>
      job.run.repository === repository &&
      job.environment !== null &&
      job.startedMs !== null &&
      job.startedMs >= job.queuedMs,
  );

/** GitHub makes an environment when a workflow first names it (docs). */
function environments(sim: Sim, c: Ctx) {
  const repository = actionsRepository(sim, c, "read");
  const own = [...sim.state.jobs.values()].filter(({ run }) => run.repository === repository);
  const names = [...new Set(own.flatMap(({ environment }) => (environment === null ? [] : [environment])))];
  const found = page(c, names).map((name, index) => ({ id: index + 1, name }));
  return c.json({ total_count: names.length, environments: found });
}

function deployments(sim: Sim, c: Ctx) {
  const repository = actionsRepository(sim, c, "read", "deployments");
  const sha = c.req.query("sha");
  const found = deploying(sim, repository)
    .filter(({ run }) => sha === undefined || run.sha === sha)
    .reverse();
  return c.json(
    page(c, found).map((job) => ({
      id: firstDeploymentId + job.id,
      sha: job.run.sha,
      task: "deploy",
      environment: job.environment,
      created_at: isoSeconds(job.startedMs!),
    })),
  );
}

function statuses(sim: Sim, c: Ctx) {
  const repository = actionsRepository(sim, c, "read", "deployments");
  const id = Number(c.req.param("id"));
  const job = deploying(sim, repository).find((one) => firstDeploymentId + one.id === id);
  if (!job) throw restRefusal(404, "Not Found");
  const logUrl = `${sim.origin}/${repository.owner}/${repository.name}/actions/runs/${job.run.id}/job/${job.id}`;
  const state =
    job.phase === "completed" ? (job.conclusion === "succeeded" ? "success" : "failure") : "in_progress";
  return c.json(page(c, [{ id, state, environment: job.environment, log_url: logUrl, target_url: logUrl }]));
}

export const deploymentHandlers = {
  "rest.environments": environments,
  "rest.deployments": deployments,
  "rest.deployment-statuses": statuses,
} satisfies Partial<Handlers>;
