/** What a runner does with its job: acquire, renew, log, complete (wire.ts). */
import { brokerRefusal } from "../core/errors.ts";
import { finish, renew, start } from "../core/jobs.ts";
import { time } from "../core/queue.ts";
import type { Sim } from "../core/sim.ts";
import type { Job } from "../core/state.ts";
import type { JobMessage, JobResult } from "../wire.ts";
import { runnerId } from "./broker.ts";
import { body, nothing, text, type Ctx, type Handlers } from "./http.ts";

const refuse = (status: 404 | 409 | 422, why: string) => brokerRefusal(status, "JobNotAvailable", why);

/** Jobs in whose name a runner may speak; a record that was deleted under its job does not matter here. */
function ownJob(sim: Sim, c: Ctx, which: (job: Job) => boolean): Job {
  const id = runnerId(sim, c);
  for (const job of sim.state.jobs.values()) if (job.runner?.id === id && which(job)) return job;
  throw refuse(404, "The job does not exist or is not this runner's.");
}

/** Asked again after a lost answer, the same runner gets the same job. */
async function acquire(sim: Sim, c: Ctx) {
  const request = text((await body(c))["jobMessageId"]);
  const job = ownJob(sim, c, (candidate) => candidate.delivery === request);
  if (job.phase === "delivered") {
    if (job.afterDelete === "acquire-fails") throw refuse(404, "The runner was deleted.");
    const runner = sim.state.runners.get(job.runner!.id);
    if (!runner && job.afterDelete !== "job-starts") throw refuse(404, "The runner was deleted.");
    if (runner) runner.unacknowledged = null;
    start(sim, job);
  }
  if (job.phase !== "running")
    throw refuse(job.phase === "completed" ? 422 : 409, "The job is not to be had.");
  return c.json(jobMessage(sim, job));
}

function jobMessage(sim: Sim, job: Job): JobMessage {
  const { repository, planId } = job.run;
  const life = job.message.timeoutMinutes * 60_000 + 3_600_000;
  const token = sim.tokens.issue("job", { jobId: job.id }, life).value;
  const claims = {
    scp: `Actions.Results:${planId}:${job.uuid} Actions.ExampleScope`,
    ac: JSON.stringify([{ Scope: job.run.ref, Permission: 3 }]),
    repository_id: String(repository.id),
  };
  const runtimeToken = sim.tokens.issue("runtime", { jobId: job.id }, life, claims).value;
  const github = job.message.contexts["github"] as Record<string, unknown> | undefined;
  return {
    ...job.message,
    contexts: { ...job.message.contexts, github: { ...github, token } },
    planId,
    jobId: job.uuid,
    mask: [token, runtimeToken],
    system: { resultsUrl: `${sim.origin}/`, runtimeToken, runtimeUrl: `${sim.origin}/_services/pipelines/` },
  };
}

const named = (planId: unknown, jobId: unknown) => (job: Job) =>
  job.uuid === text(jobId) && job.run.planId === text(planId);

async function renewJob(sim: Sim, c: Ctx) {
  const { planId, jobId } = await body(c);
  const job = ownJob(sim, c, named(planId, jobId));
  if (job.phase !== "running") throw refuse(404, "The job has ended.");
  return c.json({ lockedUntil: time(renew(sim, job)) });
}

/** Said again after a lost answer, it is accepted again and changes nothing. */
async function completeJob(sim: Sim, c: Ctx) {
  const result = (await body(c)) as unknown as JobResult;
  const job = ownJob(sim, c, named(result.planId, result.jobId));
  finish(sim, job, { ...result, heard: true });
  return c.json({});
}

/** Lines of the runner's running job. */
async function appendLog(sim: Sim, c: Ctx) {
  const job = ownJob(sim, c, (candidate) => candidate.phase === "running");
  job.log += await c.req.text();
  sim.changes.notify();
  return nothing(204);
}

export const runServiceHandlers = {
  "run-service.acquire": acquire,
  "run-service.renew": renewJob,
  "run-service.complete": completeJob,
  "run-service.log": appendLog,
} satisfies Partial<Handlers>;
