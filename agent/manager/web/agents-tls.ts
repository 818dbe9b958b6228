/**
 * The door for machines of clouds and hosts: HTTP over TLS on all addresses. It serves what they ask while they boot
 * (boot.ts) and the two calls of agents (agents.ts), and nothing else; page, metrics and control are elsewhere.
 */
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Deps } from "../deps.ts";
import { agentRoutes, type AgentHandlers } from "./agents.ts";
import { type BootHandlers, bootRoutes } from "./boot.ts";
import type { ServedCertificate } from "./certificate.ts";
import { capHandshakes } from "./handshakes.ts";
import { closed, type Env } from "./http.ts";
import { defaultWebLimits, type WebLimits } from "./limits.ts";
import { capPerAddress } from "./per-address.ts";

export interface AgentsTlsOptions {
  /** 0 for any. */
  port: number;
  certificate: ServedCertificate;
  agents: AgentHandlers;
  boot: BootHandlers;
  limits?: Partial<WebLimits>;
}

export interface AgentsTls {
  port: number;
  /** From the next connection on; those that are open stay. @throws when key and certificate do not fit */
  use(certificate: ServedCertificate): void;
  /** Handshakes under way. */
  handshakes(): number;
  close(): Promise<void>;
}

/** curl and Node of every image that boots here have it. */
const minVersion = "TLSv1.3";

/** @throws when the port is taken, naming it */
export async function serveAgentsOverTls(options: AgentsTlsOptions, deps: Deps): Promise<AgentsTls> {
  const limits = { ...defaultWebLimits, ...options.limits };
  const app = new Hono<Env>()
    .route("/", agentRoutes(options.agents, limits, deps))
    .route("/", bootRoutes(options.boot, limits, deps));
  app.notFound((c) => c.json({ error: "not-found", message: "There is no such thing here." }, 404));
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    // Clients that name no host, or several, speak to nobody else here.
    hostname: "manager",
    createServer,
    serverOptions: {
      ...options.certificate,
      minVersion,
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: limits.handshakeMs,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      connectionsCheckingInterval: limits.checkingMs,
    },
  }) as Server;
  server.maxConnections = limits.connectionsMax;
  const handshakes = capHandshakes(server, limits, deps);
  capPerAddress(server, limits.connectionsPerAddressMax, (socket) => socket.destroy());
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", (error) =>
      reject(
        new Error(`cannot listen for agents on port ${options.port}: ${error.message}`, { cause: error }),
      ),
    );
    server.listen(options.port, () => resolve((server.address() as AddressInfo).port));
  });
  return {
    port,
    use: (certificate) => server.setSecureContext({ ...certificate, minVersion }),
    handshakes: handshakes.now,
    close: () => closed(server, limits.closeMs, deps),
  };
}
