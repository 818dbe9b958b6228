/** What a runner hears from: its access token, its session, its messages (wire.ts; actions/runner src/Sdk). */
import { randomUUID } from "node:crypto";
import { brokerRefusal, Refusal } from "../core/errors.ts";
import { jobFor, deliver } from "../core/jobs.ts";
import { tokenPath } from "../core/jit.ts";
import { readClaims, verifyRs256 } from "../core/jwt.ts";
import { isOnline, remove } from "../core/runners.ts";
import type { Sim } from "../core/sim.ts";
import type { Runner } from "../core/state.ts";
import type { BrokerMessage, JobCancellation, RunnerJobRequest } from "../wire.ts";
import { bearer, body, nothing, text, type Ctx, type Handlers } from "./http.ts";

export const runServicePath = "/_services/run/";

const invalidClient = (why: string) => new Refusal(400, { error: "invalid_client", error_description: why });

/** The client assertion is an RS256 JWT by the key of the JIT config, for this address, not expired. */
async function accessToken(sim: Sim, c: Ctx) {
  const form = new URLSearchParams(await c.req.text());
  if (form.get("grant_type") !== "client_credentials") {
    throw new Refusal(400, { error: "unsupported_grant_type" });
  }
  const assertion = form.get("client_assertion") ?? "";
  const unchecked = readClaims(assertion);
  const clientId = text(unchecked?.["sub"]);
  const runner = [...sim.state.runners.values()].find((known) => known.clientId === clientId);
  if (!runner || unchecked?.["iss"] !== clientId) throw invalidClient("The client is not registered.");
  const claims = verifyRs256(assertion, runner.publicKey);
  if (!claims) throw invalidClient("The signature of the client assertion is wrong.");
  const { exp, aud } = claims;
  if (typeof exp !== "number" || exp * 1000 <= sim.clock.now())
    throw invalidClient("The client assertion has expired.");
  if (aud !== undefined && aud !== `${sim.origin}${tokenPath}`)
    throw invalidClient("The audience is another.");
  const life = sim.options.timings.runnerTokenMs;
  const token = sim.tokens.issue("runner", { runnerId: runner.id }, life, { sub: clientId });
  return c.json({ access_token: token.value, expires_in: Math.floor(life / 1000), token_type: "Bearer" });
}

/** The runner's id by its access token; whether its record still exists is another question. */
export function runnerId(sim: Sim, c: Ctx): number {
  const checked = sim.tokens.check("runner", bearer(c));
  if (checked.state === "good") return checked.holder.runnerId;
  throw brokerRefusal(401, "Unauthorized", `The access token is ${checked.state}.`);
}

/** 404 once the record is gone: the runner then ends by itself. */
function ownRunner(sim: Sim, c: Ctx): Runner {
  return existing(sim, runnerId(sim, c));
}
function existing(sim: Sim, id: number): Runner {
  const runner = sim.state.runners.get(id);
  if (runner) return runner;
  throw brokerRefusal(404, "RunnerNotFound", "Runner not found");
}

function refuseOld(sim: Sim, version: string): void {
  if (!sim.faults.take("version-deprecated")) return;
  const why = `Runner version v${version} is deprecated and cannot receive messages.`;
  throw brokerRefusal(403, "RunnerVersionTooOld", why);
}

async function openSession(sim: Sim, c: Ctx) {
  const runner = ownRunner(sim, c);
  const { agent } = (await body(c)) as { agent?: { version?: string } };
  refuseOld(sim, agent?.version ?? "");
  if (isOnline(sim, runner)) throw brokerRefusal(409, "SessionConflict", "Another session is open.");
  runner.session = { id: randomUUID(), lastSeenMs: sim.clock.now(), polls: 0 };
  runner.version = agent?.version ?? null;
  runner.stopTimer();
  runner.stopTimer = sim.later(sim.options.timings.idleRegistrationMs, () => {
    if (!runner.job) remove(sim, runner, "idle registration");
  });
  sim.happened({ what: "runner-online", runner: runner.name });
  return c.json({ sessionId: runner.session.id, ownerName: runner.name, encryptionKey: null });
}

function ownSession(sim: Sim, c: Ctx) {
  const runner = ownRunner(sim, c);
  if (!runner.session || runner.session.id !== c.req.query("sessionId")) {
    throw brokerRefusal(400, "SessionNotFound", "The session does not exist.");
  }
  return { runner, session: runner.session };
}

async function message(sim: Sim, c: Ctx) {
  const { runner, session } = ownSession(sim, c);
  refuseOld(sim, c.req.query("runnerVersion") ?? "");
  const attempt = () => {
    existing(sim, runner.id);
    if (runner.session !== session) throw brokerRefusal(400, "SessionNotFound", "The session has ended.");
    return nextMessage(sim, runner);
  };
  session.polls += 1;
  sim.changes.notify();
  try {
    const next = await sim.changes.until(attempt, sim.options.timings.holdMs, c.req.raw.signal);
    return next ? c.json(next) : nothing(202);
  } finally {
    session.polls -= 1;
    sim.changes.notify();
    session.lastSeenMs = sim.clock.now();
  }
}

/** What was not acknowledged, a cancellation, or a job for an idle runner that has not served its one. */
function nextMessage(sim: Sim, runner: Runner): BrokerMessage | null {
  if (runner.unacknowledged) return runner.unacknowledged;
  const messageId = () => sim.nextId("broker message");
  const { job } = runner;
  if (job) {
    if (!job.cancelRequested || job.phase !== "running" || runner.cancellationSent) return null;
    runner.cancellationSent = true;
    const body: JobCancellation = { jobId: job.uuid, timeout: "00:05:00" };
    return { messageId: messageId(), messageType: "JobCancellation", body: JSON.stringify(body) };
  }
  const next = runner.spent ? null : jobFor(sim, runner);
  if (!next) return null;
  deliver(sim, next, runner);
  const request: RunnerJobRequest = {
    runner_request_id: next.delivery!,
    run_service_url: `${sim.origin}${runServicePath}`,
    billing_owner_id: "1",
  };
  runner.unacknowledged = {
    messageId: messageId(),
    messageType: "RunnerJobRequest",
    body: JSON.stringify(request),
  };
  return runner.unacknowledged;
}

async function acknowledge(sim: Sim, c: Ctx) {
  const { runner } = ownSession(sim, c);
  const { runnerRequestId } = await body(c);
  if (runner.job?.delivery === runnerRequestId) runner.unacknowledged = null;
  return c.json({});
}

/** Succeeds on what is gone: a runner says goodbye after its record was removed. */
function closeSession(sim: Sim, c: Ctx) {
  const runner = sim.state.runners.get(runnerId(sim, c));
  if (runner?.session && runner.session.id === c.req.query("sessionId")) {
    runner.session = null;
    sim.happened({ what: "runner-session-ended", runner: runner.name });
  }
  return nothing(204);
}

export const brokerHandlers = {
  "broker.token": accessToken,
  "broker.session": openSession,
  "broker.session-delete": closeSession,
  "broker.message": message,
  "broker.acknowledge": acknowledge,
} satisfies Partial<Handlers>;
