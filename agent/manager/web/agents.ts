/** POST /agent/v1/enroll and /agent/v1/sync: checked at the border, answered by the core. */
import { getConnInfo } from "@hono/node-server/conninfo";
import { Hono, type Context, type ErrorHandler } from "hono";
import {
  enrollRequest,
  syncRequest,
  type EnrollRequest,
  type EnrollResponse,
  type SyncRequest,
  type SyncResponse,
} from "../../protocol.ts";
import type { Deps } from "../deps.ts";
import { Refused } from "../errors.ts";
import { jsonBody, refusalResponse } from "./body.ts";
import { callerOf } from "./address.ts";
import type { Env } from "./http.ts";
import type { WebLimits } from "./limits.ts";
import { makeRates, type Rates } from "./rates.ts";

/** What the core answers; both may throw {@link Refused}. */
export interface AgentHandlers {
  /** @param address the caller's IP address; empty over a Unix socket. */
  enroll(request: EnrollRequest, address: string): Promise<EnrollResponse>;
  /** May take up to the time that syncs are held. The signal aborts when the agent has gone away. The address as above. */
  sync(session: string, request: SyncRequest, signal: AbortSignal, address: string): Promise<SyncResponse>;
}

export const agentCalls: ReadonlySet<string> = new Set(["/agent/v1/enroll", "/agent/v1/sync"]);

export function agentRoutes(handlers: AgentHandlers, limits: WebLimits, deps: Deps): Hono<Env> {
  const calls = makeRates(limits.callsPerAddress, deps.clock);
  const attempts = enrolments(limits, deps);
  const syncs = makeRates(limits.syncsPerSession, deps.clock);
  const app = new Hono<Env>();
  app.use("/agent/*", async (c, next) => {
    const address = addressOf(c);
    if (address !== "") take(calls, callerOf(address), "calls");
    await next();
  });
  app.post("/agent/v1/enroll", async (c) => {
    const address = addressOf(c);
    const read = () => jsonBody(c, enrollRequest);
    if (address !== "")
      return attempts(callerOf(address), async () => c.json(await handlers.enroll(await read(), address)));
    const request = await read();
    return attempts(request.machine, async () => c.json(await handlers.enroll(request, "")));
  });
  app.post("/agent/v1/sync", async (c) => {
    const session = /^Bearer ([\x21-\x7e]{1,512})$/.exec(c.req.header("authorization") ?? "")?.[1];
    if (session === undefined)
      throw new Refused(401, "bad-request", "A sync needs Authorization: Bearer SESSION.");
    take(syncs, session, "syncs");
    const request = await jsonBody(c, syncRequest);
    // Only machines that may get an instruction soon are held; the others' connections need not stay open.
    if (request.phase === "busy") c.header("connection", "close");
    return c.json(await handlers.sync(session, request, goneAway(c), addressOf(c)));
  });
  app.onError(failed(deps));
  return app;
}

/** Lets attempts through until too many of the same caller were refused. */
function enrolments(limits: WebLimits, deps: Deps) {
  const refused = makeRates(limits.enrolments, deps.clock);
  const underWay = new Map<string, number>();
  return async <T>(key: string, attempt: () => Promise<T>): Promise<T> => {
    const seconds = refused.look(key);
    if (seconds !== null) throw tooMany("attempts to enrol", seconds);
    const others = underWay.get(key) ?? 0;
    if (others >= limits.enrolmentsUnderWayMax) throw tooMany("attempts to enrol at once", 1);
    underWay.set(key, others + 1);
    try {
      return await attempt();
    } catch (error) {
      // What failed on our side, or comes too early, is nobody's fault.
      if (error instanceof Refused && error.status !== 503) refused.take(key);
      throw error;
    } finally {
      const left = underWay.get(key)! - 1;
      if (left > 0) underWay.set(key, left);
      else underWay.delete(key);
    }
  };
}

/** What an agent is told of an error. */
export const failed =
  (deps: Deps): ErrorHandler<Env> =>
  (error, c) => {
    if (error instanceof Refused) return refusalResponse(c, error);
    if (c.env.outgoing.destroyed) return c.body(null, 503);
    deps.log.error({ err: error, path: c.req.path }, "web: an agent's call failed");
    return c.json({ error: "internal", message: "The manager's log says what went wrong." }, 500);
  };

/** Empty over a Unix socket. */
export const addressOf = (c: Context<Env>): string => getConnInfo(c).remote.address ?? "";

/** @throws Refused 429 */
export function take(rates: Rates, key: string, what: string): void {
  const seconds = rates.take(key);
  if (seconds !== null) throw tooMany(what, seconds);
}

const tooMany = (what: string, seconds: number) =>
  new Refused(429, "busy", `Too many ${what}: come again in ${Math.ceil(seconds)} s.`, seconds);

/** Aborts when the connection closes before the answer was written. */
function goneAway(c: Context<Env>): AbortSignal {
  const { outgoing } = c.env;
  const controller = new AbortController();
  const gone = () => {
    if (!outgoing.writableFinished) controller.abort(new Error("the agent went away before the answer"));
  };
  if (outgoing.destroyed) gone();
  else outgoing.once("close", gone);
  return controller.signal;
}
