/** Client of GitHub's scale set service: one function a call of github.md 1.4 (from the official client actions/scaleset). */
import type { z } from "zod";
import type { Deps } from "../deps.ts";
import type { Connection } from "./connection.ts";
import { GitHubError, SessionConflict, SetGone } from "./errors.ts";
import { type Answer, type Call, read, refusalOf, send } from "./http.ts";
import { persist } from "./pauses.ts";
import * as shapes from "./schemas.ts";
import type { Timings } from "./timings.ts";

const sets = "_apis/runtime/runnerscalesets";
const agents = "_apis/distributedtask/pools/0/agents";

interface Ask {
  what: string;
  method: Call["method"];
  path: string;
  query?: Record<string, string>;
  body?: unknown;
  /** A session's token instead of the admin token. */
  queueToken?: string;
  /** Statuses that are an answer besides 2xx. */
  also?: readonly number[];
  /** Not repeated when its answer was lost: a repeat could not be told from somebody else's doing. */
  once?: boolean;
}

export interface NewSet {
  name: string;
  runnerGroupId: number;
  labels: readonly string[];
}

export function makeService(connection: Connection, timings: Timings, deps: Deps) {
  const ask = (wanted: Ask, signal: AbortSignal): Promise<Answer> => {
    const attempt = () => authorised(wanted, signal);
    return wanted.once ? attempt() : persist(attempt, timings, signal, deps);
  };
  const authorised = async (wanted: Ask, signal: AbortSignal): Promise<Answer> => {
    for (let again = false; ; again = true) {
      const admin = await connection.admin(signal);
      const call = callOf(wanted, admin, timings, signal);
      const answer = await send(call, deps);
      if (answer.status < 300 || wanted.also?.includes(answer.status)) return answer;
      if (answer.status === 401 && wanted.queueToken === undefined) {
        connection.spoiled(admin.token);
        if (!again) continue;
      }
      throw refusalOf(call, answer, deps.clock.now(), timings.retryAfterMsMax);
    }
  };
  const json = async <T>(wanted: Ask, schema: z.ZodType<T>, signal: AbortSignal) => {
    // An empty 200 is repeated like a 5xx.
    const attempt = async () => read(wanted.what, (await authorised(wanted, signal)).text, schema);
    return wanted.once ? attempt() : persist(attempt, timings, signal, deps);
  };
  const list = shapes.listOf;

  return {
    /** Every set that this login sees. */
    listSets: (signal: AbortSignal) =>
      json({ what: "listing scale sets", method: "GET", path: sets }, list(shapes.scaleSet), signal),

    async findSet(groupId: number, name: string, signal: AbortSignal) {
      const what = `looking for the scale set ${name}`;
      const query = { runnerGroupId: String(groupId), name };
      const found = await json({ what, method: "GET", path: sets, query }, list(shapes.scaleSet), signal);
      return found.find((set) => set.name.toLowerCase() === name.toLowerCase()) ?? null;
    },

    /** Null: gone. */
    async getSet(id: number, signal: AbortSignal) {
      const what = `reading scale set ${id}`;
      const answer = await ask({ what, method: "GET", path: `${sets}/${id}`, also: [404] }, signal);
      return answer.status === 404 ? null : read(what, answer.text, shapes.scaleSet);
    },

    /** @throws GitHubError 400 or 409 when the group has one of that name. */
    createSet: ({ name, runnerGroupId, labels }: NewSet, signal: AbortSignal) =>
      json(
        {
          what: `creating the scale set ${name}`,
          method: "POST",
          path: sets,
          body: {
            name,
            runnerGroupId,
            labels: labels.map((label) => ({ name: label, type: "System" })),
            // The version comes from us, checked; a runner for one job has no time for updating itself.
            RunnerSetting: { disableUpdate: true },
          },
        },
        shapes.scaleSet,
        signal,
      ),

    async deleteSet(id: number, signal: AbortSignal) {
      await ask(
        { what: `deleting scale set ${id}`, method: "DELETE", path: `${sets}/${id}`, also: [404] },
        signal,
      );
    },

    /** All groups, or those of one name. */
    groups: (name: string | null, signal: AbortSignal) =>
      json(
        {
          what: "listing runner groups",
          method: "GET",
          path: "_apis/runtime/runnergroups/",
          ...(name === null ? {} : { query: { groupName: name } }),
        },
        list(shapes.group),
        signal,
      ),

    /** @throws SetGone, SessionConflict */
    createSession(set: { id: number; name: string }, ownerName: string, signal: AbortSignal) {
      const what = `opening a message session of ${set.name}`;
      const path = `${sets}/${set.id}/sessions`;
      const wanted: Ask = { what, method: "POST", path, body: { ownerName }, once: true };
      return json(wanted, shapes.session, signal).catch(noSession);
    },

    /** The same session with a new token and fresh figures. */
    refreshSession: (setId: number, sessionId: string, signal: AbortSignal) =>
      json(
        {
          what: `refreshing the message session of scale set ${setId}`,
          method: "PATCH",
          path: `${sets}/${setId}/sessions/${sessionId}`,
        },
        shapes.session,
        signal,
      ),

    async deleteSession(setId: number, sessionId: string, signal: AbortSignal) {
      const what = `ending the message session of scale set ${setId}`;
      const path = `${sets}/${setId}/sessions/${sessionId}`;
      await ask({ what, method: "DELETE", path, also: [404] }, signal);
    },

    /** Null: this GitHub assigns jobs by itself (404). */
    async acquire(setId: number, queueToken: string, ids: readonly number[], signal: AbortSignal) {
      const what = `acquiring ${ids.length} jobs of scale set ${setId}`;
      const path = `${sets}/${setId}/acquirejobs`;
      const answer = await ask({ what, method: "POST", path, body: ids, queueToken, also: [404] }, signal);
      return answer.status === 404 ? null : read(what, answer.text, shapes.requestIds);
    },

    /** Jobs that were offered and not acquired; only GitHub Enterprise Server knows them. */
    async acquirable(setId: number, signal: AbortSignal) {
      const what = `listing the offered jobs of scale set ${setId}`;
      const path = `${sets}/${setId}/acquirablejobs`;
      const answer = await ask({ what, method: "GET", path, also: [404] }, signal);
      return answer.status === 200 ? read(what, answer.text, shapes.acquirable) : [];
    },

    /** @throws SetGone; GitHubError of type AgentExistsException. */
    generateJitConfig(setId: number, name: string, signal: AbortSignal) {
      const path = `${sets}/${setId}/generatejitconfig`;
      const body = { name, workFolder: "_work" };
      const what = `registering runner ${name}`;
      return json({ what, method: "POST", path, body }, shapes.jitConfig, signal).catch(setGone);
    },

    async agentByName(name: string, signal: AbortSignal) {
      const what = `looking for runner ${name}`;
      const query = { agentName: name };
      const answer = await ask({ what, method: "GET", path: agents, query, also: [404] }, signal);
      if (answer.status === 404) return null;
      const found = read(what, answer.text, list(shapes.agent));
      return found.find((agent) => agent.name.toLowerCase() === name.toLowerCase()) ?? null;
    },

    listAgents: (signal: AbortSignal) =>
      json({ what: "listing runners", method: "GET", path: agents }, list(shapes.agent), signal),

    /** Succeeds on what is gone. @throws GitHubError of type JobStillRunningException while busy. */
    async deleteAgent(id: number, signal: AbortSignal) {
      await ask(
        { what: `removing runner ${id}`, method: "DELETE", path: `${agents}/${id}`, also: [404] },
        signal,
      );
    },
  };
}
export type Service = ReturnType<typeof makeService>;

function setGone(error: unknown): never {
  if (!(error instanceof GitHubError) || error.status !== 404) throw error;
  throw new SetGone(error.message, { reason: "unavailable", status: 404, type: error.type });
}
function noSession(error: unknown): never {
  if (!(error instanceof GitHubError) || error.status !== 409) return setGone(error);
  throw new SessionConflict(error.message, { reason: "unavailable", status: 409, type: error.type });
}

function callOf(
  { what, method, path, query, body, queueToken }: Ask,
  admin: { url: string; token: string },
  timings: Timings,
  signal: AbortSignal,
): Call {
  const url = new URL(admin.url);
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${path}`;
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  url.searchParams.set("api-version", "6.0-preview");
  const token = queueToken ?? admin.token;
  return {
    what,
    method,
    url,
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json",
      "content-type": "application/json",
      "user-agent": userAgent,
    },
    ...(body === undefined ? {} : { body }),
    timeoutMs: timings.callTimeoutMs,
    signal,
    secrets: [token],
  };
}

/** The service wants a JSON object here. */
export const userAgent = JSON.stringify({ system: "muster", subsystem: "manager", kind: "scaleset" });
