/** Message sessions, the long poll, acknowledgement, acquisition (github.md 1.4, 1.6, 1.7, sections 2 and 3). */
import { acquire, takeJobs } from "../core/assignment.ts";
import { restRefusal, serviceRefusal } from "../core/errors.ts";
import { deleteMessage, firstAfter, jobEntry } from "../core/queue.ts";
import { deleteSet, endSession, openSession, sentStatistics } from "../core/sessions.ts";
import type { Sim } from "../core/sim.ts";
import type { QueueMessage, ScaleSet, ScaleSetSession } from "../core/state.ts";
import { bearer, body, nothing, text, type Ctx, type Handlers } from "./http.ts";
import { adminScope, list, noSuchSet, pathSet, setView } from "./scale-sets.ts";

const messageType = "RunnerScaleSetJobMessages";

/** github.com: one address for all, the token is the identity. ghes: a query that must be kept on GET and DELETE. */
const queueUrl = (sim: Sim, set: ScaleSet, session: ScaleSetSession) =>
  sim.options.style === "github.com"
    ? `${sim.origin}/scalesets/message`
    : `${sim.origin}/_services/pipelines/_apis/runtime/runnerscalesets/${set.id}/messages?sessionId=${session.id}&api-version=6.0-preview`;

function sessionView(sim: Sim, set: ScaleSet, session: ScaleSetSession) {
  const holder = { setId: set.id, sessionId: session.id };
  const token = sim.tokens.issue("queue", holder, sim.options.timings.queueTokenMs, { sid: session.id });
  const { statistics, ...runnerScaleSet } = setView(sim, set);
  const empty = sim.faults.take("session-without-queue-url");
  return {
    sessionId: session.id,
    ownerName: session.ownerName,
    runnerScaleSet: { ...runnerScaleSet, statistics },
    messageQueueUrl: empty ? "" : queueUrl(sim, set, session),
    messageQueueAccessToken: token.value,
    statistics,
  };
}

async function create(sim: Sim, c: Ctx) {
  const set = pathSet(sim, c, adminScope(sim, c));
  const ownerName = text((await body(c))["ownerName"]);
  const session = sim.faults.take("session-conflict") ? null : openSession(sim, set, ownerName);
  if (session) return c.json(sessionView(sim, set, session));
  const why = `The runner scale set ${set.name} already has an active session.`;
  throw serviceRefusal(409, "RunnerScaleSetSessionConflictException", why);
}

function pathSession(sim: Sim, c: Ctx, set: ScaleSet): ScaleSetSession {
  if (set.session && set.session.id === c.req.param("session")) return set.session;
  throw noSuchSession();
}
const noSuchSession = () =>
  serviceRefusal(404, "RunnerScaleSetSessionNotFoundException", "session ID that doesn't exist in redis");

/** The same session with a new queue token and fresh statistics. */
function refresh(sim: Sim, c: Ctx) {
  const set = pathSet(sim, c, adminScope(sim, c));
  if (sim.faults.take("session-evicted")) endSession(sim, set, "evicted");
  const session = pathSession(sim, c, set);
  if (sim.faults.take("session-expired")) {
    endSession(sim, set, "expired");
    throw serviceRefusal(400, "RunnerScaleSetSessionExpiredException", "The session has expired.");
  }
  session.lastSeenMs = sim.clock.now();
  return c.json(sessionView(sim, set, session));
}

/** Whose queue this is: first the session (404), then the token (401), as in github.md section 3. */
function ownQueue(sim: Sim, c: Ctx): { set: ScaleSet; session: ScaleSetSession } {
  const token = bearer(c);
  const holder = sim.tokens.holder("queue", token);
  if (!holder) throw expired("unknown");
  const set = sim.state.sets.get(holder.setId);
  if (!set) throw noSuchSet(String(holder.setId));
  if (!set.session || set.session.id !== holder.sessionId) throw noSuchSession();
  if (sim.faults.take("queue-token-expired")) sim.tokens.revoke("queue", (_, value) => value === token);
  const { state } = sim.tokens.check("queue", token);
  if (state !== "good") throw expired(state);
  set.session.lastSeenMs = sim.clock.now();
  return { set, session: set.session };
}
const expired = (state: string) =>
  serviceRefusal(401, "MessageQueueTokenExpiredException", `The message queue token is ${state}.`);

/** X-ScaleSetMaxCapacity; null when it is not sent. */
function capacityOf(c: Ctx): number | null {
  const header = c.req.header("x-scalesetmaxcapacity");
  return header === undefined ? null : Number(header);
}

async function poll(sim: Sim, c: Ctx) {
  const { set } = ownQueue(sim, c);
  if (sim.faults.take("scale-set-deleted")) deleteSet(sim, set);
  if (sim.faults.take("session-evicted")) endSession(sim, set, "evicted");
  const { session } = ownQueue(sim, c);
  if (sim.faults.take("poll-empty-body")) return c.body("", 200);
  session.capacity = capacityOf(c);
  const after = Number(c.req.query("lastMessageId") ?? 0);
  const found = await heldPoll(sim, c, set, session, after);
  return found ? c.json(messageView(sim, set, found)) : nothing(202);
}

/** Held until there is a message, the session ends (404), or the time is over. */
async function heldPoll(sim: Sim, c: Ctx, set: ScaleSet, session: ScaleSetSession, after: number) {
  const capacity = session.capacity;
  const attempt = () => {
    if (!sim.state.sets.has(set.id)) throw noSuchSet(String(set.id));
    if (set.session !== session) throw noSuchSession();
    takeJobs(sim, set, capacity);
    return firstAfter(set, after);
  };
  session.polls += 1;
  sim.changes.notify();
  try {
    return await sim.changes.until(attempt, sim.options.timings.holdMs, c.req.raw.signal);
  } finally {
    session.polls -= 1;
    sim.changes.notify();
    session.lastSeenMs = sim.clock.now();
  }
}

function messageView(sim: Sim, set: ScaleSet, message: QueueMessage) {
  const strange = { messageType: "JobMeditated", jobId: "0" };
  const entries = sim.faults.take("unknown-entry") ? [strange, ...message.entries] : message.entries;
  return {
    messageId: message.id,
    messageType: sim.faults.take("unknown-message") ? "RunnerScaleSetHolidays" : messageType,
    body: JSON.stringify(entries),
    statistics: sentStatistics(sim, set),
  };
}

function acknowledge(sim: Sim, c: Ctx) {
  const { set } = ownQueue(sim, c);
  const id = Number(c.req.param("message"));
  if (deleteMessage(set, id)) return nothing(204);
  throw serviceRefusal(404, "MessageNotFoundException", `Message ${id} does not exist.`);
}

/** Only where jobs are offered; github.com assigns by itself and knows no such call (measured). */
function ownOffers(sim: Sim, c: Ctx): ScaleSet {
  if (sim.options.style === "github.com") throw restRefusal(404, "Not Found");
  return pathSet(sim, c, ownScope(sim, c));
}
/** The queue token, not the admin JWT (github.md 1.4). */
const ownScope = (sim: Sim, c: Ctx) => ownQueue(sim, c).set.scope;

async function acquireJobs(sim: Sim, c: Ctx) {
  const set = ownOffers(sim, c);
  const ids = (await c.req.json()) as unknown;
  if (!Array.isArray(ids))
    throw serviceRefusal(400, "ArgumentException", "The body must be a list of request ids.");
  return c.json(list(acquire(sim, set, ids.map(Number))));
}

function acquirable(sim: Sim, c: Ctx) {
  if (sim.options.style === "github.com") throw restRefusal(404, "Not Found");
  const set = pathSet(sim, c, adminScope(sim, c));
  const offered = [...set.jobs].filter((job) => job.phase === "offered");
  if (offered.length === 0) return nothing(204);
  return c.json(list(offered.map((job) => jobEntry(sim, job, "JobAvailable"))));
}

export const messageHandlers = {
  "session.create": create,
  "session.refresh": refresh,
  "session.delete": (sim, c) => {
    const set = pathSet(sim, c, adminScope(sim, c));
    pathSession(sim, c, set);
    endSession(sim, set, "deleted");
    return nothing(204);
  },
  "queue.poll": poll,
  "queue.delete": acknowledge,
  "scale-set.acquire": acquireJobs,
  "scale-set.acquirable": acquirable,
} satisfies Partial<Handlers>;
