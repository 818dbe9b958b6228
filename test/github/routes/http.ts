/** How a request becomes an answer: counted, struck by faults, handled, refusals rendered. */
import { createHash, randomUUID } from "node:crypto";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { faultRefusal, Refusal } from "../core/errors.ts";
import type { RouteFault } from "../core/faults.ts";
import type { Sim } from "../core/sim.ts";
import { endpoints, endpointNames, type EndpointName } from "./endpoints.ts";
import { uncountCall } from "./rate.ts";

export type Env = { Bindings: HttpBindings };
export type Ctx = Context<Env>;
export type Handler = (sim: Sim, c: Ctx) => Response | Promise<Response>;
export type Handlers = Record<EndpointName, Handler>;
export type Calls = Map<EndpointName, number>;

/** Registers every endpoint's handler. */
export function mount(app: Hono<Env>, sim: Sim, calls: Calls, handlers: Handlers): void {
  for (const name of endpointNames) {
    const { method, paths } = endpoints[name];
    app.on(method, [...paths], async (c) => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      sim.changes.notify();
      return answer(sim, c, name, handlers[name]);
    });
  }
}

async function answer(sim: Sim, c: Ctx, name: EndpointName, handler: Handler): Promise<Response> {
  const faults = sim.faults.takeRoute(name, `${c.req.method} ${c.req.path}`);
  const struck = await before(sim, c, faults);
  const response = struck ?? (await handled(sim, c, handler));
  if (response === RESPONSE_ALREADY_SENT) return response;
  if (faults.some(({ kind }) => kind === "lost-answer")) return cut(c);
  // By its own clock, from which a caller can tell how far its own is off.
  response.headers.set("date", new Date(sim.clock.now()).toUTCString());
  response.headers.set("x-github-request-id", randomUUID());
  response.headers.set("activityid", randomUUID());
  if (faults.some(({ kind }) => kind === "bom")) return withMark(response);
  return name.startsWith("rest.") && c.req.method === "GET" ? withTag(sim, c, response) : response;
}

/** Faults that strike before the call takes effect; null: let it take effect. */
async function before(sim: Sim, c: Ctx, faults: readonly RouteFault[]): Promise<Response | null> {
  for (const fault of faults) {
    if (fault.kind === "delay") await sim.changes.until(() => null, fault.delayMs, c.req.raw.signal);
    if (fault.kind === "reset") {
      c.env.incoming.socket.resetAndDestroy();
      return RESPONSE_ALREADY_SENT;
    }
    if (fault.kind === "hang") {
      await sim.changes.until(() => null, 2 ** 31 - 1, c.req.raw.signal);
      return cut(c);
    }
    if (fault.kind === "status") {
      return render(c, faultRefusal(fault.status, fault.body, fault.retryAfterSeconds));
    }
  }
  return null;
}

async function handled(sim: Sim, c: Ctx, handler: Handler): Promise<Response> {
  try {
    return await handler(sim, c);
  } catch (error) {
    if (error instanceof Refusal) return render(c, error);
    if (error instanceof SyntaxError)
      return render(c, new Refusal(400, { message: "Problems parsing JSON" }));
    throw error;
  }
}

function render(c: Ctx, { status, body, headers }: Refusal): Response {
  const type = body.startsWith("{") ? "application/json; charset=utf-8" : "text/plain";
  return c.body(body, status as ContentfulStatusCode, { "content-type": type, ...headers });
}

/** Closes the connection without an answer. */
function cut(c: Ctx): Response {
  c.env.incoming.socket.destroy();
  return RESPONSE_ALREADY_SENT;
}

async function withMark(response: Response): Promise<Response> {
  const { status, headers } = response;
  const text = await response.text();
  return new Response(text && `\uFEFF${text}`, { status, headers });
}

/** REST answers carry a weak ETag; a request that names it gets 304 without a body, which costs no quota. */
async function withTag(sim: Sim, c: Ctx, response: Response): Promise<Response> {
  if (response.status !== 200) return response;
  const text = await response.text();
  const tag = `W/"${createHash("sha256").update(text).digest("hex")}"`;
  const headers = new Headers(response.headers);
  headers.set("etag", tag);
  if (c.req.header("if-none-match") === tag) {
    const counted = headers.has("x-ratelimit-used") && !c.req.path.endsWith("/rate_limit");
    for (const [name, value] of counted ? Object.entries(uncountCall(sim, bearer(c))) : [])
      headers.set(name, value);
    return new Response(null, { status: 304, headers });
  }
  return new Response(text, { status: 200, headers });
}

/** One page, with the Link header that names its neighbours (docs); `per_page` 30 unless told, at most 100. */
export function page<T>(c: Ctx, all: readonly T[]): T[] {
  const size = Math.min(100, Math.max(1, Number(c.req.query("per_page") ?? 30)));
  const number = Math.max(1, Number(c.req.query("page") ?? 1));
  const last = Math.max(1, Math.ceil(all.length / size));
  const link = (rel: string, to: number) => {
    const url = new URL(c.req.url);
    url.searchParams.set("page", String(to));
    return `<${url.href}>; rel="${rel}"`;
  };
  const links = [
    ...(number > 1 ? [link("prev", number - 1), link("first", 1)] : []),
    ...(number < last ? [link("next", number + 1), link("last", last)] : []),
  ];
  if (links.length > 0) c.header("link", links.join(", "));
  return all.slice((number - 1) * size, number * size);
}

/** The bearer token, or "". */
export const bearer = (c: Ctx) =>
  /^(?:Bearer|token)\s+(.+)$/i.exec(c.req.header("authorization") ?? "")?.[1] ?? "";

/** The JSON body as an object; {} when there is none. Throws SyntaxError, which is answered 400. */
export async function body(c: Ctx): Promise<Record<string, unknown>> {
  const text = await c.req.text();
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}
export const text = (value: unknown) => (typeof value === "string" ? value : "");
export const texts = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
export const nothing = (status: 202 | 204) => new Response(null, { status });
