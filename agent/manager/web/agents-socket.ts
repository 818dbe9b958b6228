/**
 * The two agent calls, and nothing else, for agents of this computer. Not over TCP: while the manager restarts any user
 * of the computer can take its port, be sent tokens and answer with work. Nobody else gets into the socket's folder.
 */
import { Hono } from "hono";
import type { Deps } from "../deps.ts";
import { agentRoutes, type AgentHandlers } from "./agents.ts";
import { type PrivateSocket, servePrivately } from "./private-socket.ts";
import type { Env } from "./http.ts";
import { defaultWebLimits, type WebLimits } from "./limits.ts";

export interface AgentsSocketOptions {
  /** Absolute; {@link agentsSocket} of manager-config.ts. */
  path: string;
  handlers: AgentHandlers;
  limits?: Partial<WebLimits>;
}

/**
 * @throws when another manager answers on the socket, when the path is too long or is not a socket.
 */
export function serveAgents(options: AgentsSocketOptions, deps: Deps): Promise<PrivateSocket> {
  const { path, handlers } = options;
  const limits = { ...defaultWebLimits, ...options.limits };
  const app = new Hono<Env>().route("/", agentRoutes(handlers, limits, deps));
  app.notFound((c) => c.json({ error: "not-found", message: `There is no ${c.req.path} here.` }, 404));
  const { connectionsMax, headersTimeoutMs, requestTimeoutMs, checkingMs } = limits;
  const serverOptions = {
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: checkingMs,
  };
  return servePrivately({ path, app, what: "agents' socket", serverOptions, connectionsMax }, deps);
}
