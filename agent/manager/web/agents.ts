/** POST /agent/v1/enroll and /agent/v1/sync: checked at the border, answered by the core. */
import { getConnInfo } from "@hono/node-server/conninfo";
import { Hono, type Context } from "hono";
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
import type { Env } from "./http.ts";

/** What the core answers; both may throw {@link Refused}. */
export interface AgentHandlers {
  /** @param address the caller's IP address; empty over a Unix socket. */
  enroll(request: EnrollRequest, address: string): Promise<EnrollResponse>;
  /** May take up to the time that syncs are held. The signal aborts when the agent has gone away. The address as above. */
  sync(session: string, request: SyncRequest, signal: AbortSignal, address: string): Promise<SyncResponse>;
}

export const agentCalls: ReadonlySet<string> = new Set(["/agent/v1/enroll", "/agent/v1/sync"]);

export function agentRoutes(handlers: AgentHandlers, deps: Deps): Hono<Env> {
  const app = new Hono<Env>();
  app.post("/agent/v1/enroll", async (c) => {
    const request = await jsonBody(c, enrollRequest);
    return c.json(await handlers.enroll(request, getConnInfo(c).remote.address ?? ""));
  });
  app.post("/agent/v1/sync", async (c) => {
    const session = /^Bearer ([\x21-\x7e]{1,512})$/.exec(c.req.header("authorization") ?? "")?.[1];
    if (session === undefined)
      throw new Refused(401, "bad-request", "A sync needs Authorization: Bearer SESSION.");
    const request = await jsonBody(c, syncRequest);
    // Only machines that may get an instruction soon are held; the others' connections need not stay open.
    if (request.phase === "busy") c.header("connection", "close");
    return c.json(await handlers.sync(session, request, goneAway(c), getConnInfo(c).remote.address ?? ""));
  });
  app.onError((error, c) => {
    if (error instanceof Refused) return refusalResponse(c, error);
    if (c.env.outgoing.destroyed) return c.body(null, 503);
    deps.log.error({ err: error, path: c.req.path }, "web: an agent's call failed");
    return c.json({ error: "internal", message: "The manager's log says what went wrong." }, 500);
  });
  return app;
}

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
