/** Other sites, other names, other verbs: what the server on loopback refuses. */
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, describe, expect, it, vi } from "vitest";
import { serveWeb, type WebServer } from "../../../../agent/manager/web/server.ts";
import { quietDeps } from "./fake-deps.ts";
import { ask, postJson, type Sent } from "./requests.ts";
import { bundleSha, enrolled, enrolment, report, served, webHandlers } from "./server-fixture.ts";

let web: WebServer | null = null;
afterEach(async () => {
  await web?.close();
  web = null;
});
const up = async (...args: Parameters<typeof served>) => (web = await served(...args));
const get = (path: string, headers: Record<string, string> = {}) => ask({ port: web!.port, path, headers });
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  postJson({ port: web!.port, path, headers }, body);
const bearer = { authorization: `Bearer ${enrolled.session}` };
const reads = ["/healthz", "/metrics", "/api/state", "/", "/page.js", "/page.css", "/icon.svg"];

describe("who may ask", () => {
  it("listens on 127.0.0.1 only", async () => {
    await up();
    const others = Object.values(networkInterfaces())
      .flatMap((each) => each ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    for (const { address } of [...others, { address: "::1" }]) {
      const refused = await new Promise<boolean>((resolve) => {
        const socket = connect({ host: address, port: web!.port, timeout: 2_000 });
        socket.once("connect", () => (socket.destroy(), resolve(false)));
        socket.once("error", () => resolve(true));
        socket.once("timeout", () => (socket.destroy(), resolve(true)));
      });
      expect(refused, address).toBe(true);
    }
  });

  it("accepts the loopback names with its own port as Host and refuses all others", async () => {
    const { port } = await up();
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`, `LOCALHOST:${port}`]) {
      expect((await get("/healthz", { host })).status, host).toBe(200);
    }
    const foreign = [
      "evil.example",
      `evil.example:${port}`,
      "localhost",
      `localhost:${port + 1}`,
      `127.0.0.1.evil.example:${port}`,
      `localhost:${port}@evil.example`,
      `0.0.0.0:${port}`,
    ];
    for (const host of foreign) {
      for (const path of [...reads, "/events"]) {
        const { status } = await get(path, { host });
        expect([400, 403], `${host} ${path}`).toContain(status);
      }
      const call = await post("/agent/v1/sync", report, { host, ...bearer });
      expect([400, 403], host).toContain(call.status);
    }
  });

  it("refuses requests that another site makes through somebody's browser", async () => {
    const { port } = await up();
    for (const origin of [
      "https://evil.example",
      `http://localhost:${port + 1}`,
      `https://localhost:${port}`,
      "null",
    ]) {
      expect((await get("/api/state", { origin })).status, origin).toBe(403);
      expect((await post("/agent/v1/enroll", enrolment, { origin })).status, origin).toBe(403);
    }
    expect(
      (await get("/api/state", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors" })).status,
    ).toBe(403);
    expect(
      (await get("/api/state", { "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" })).status,
    ).toBe(403);
    expect((await get("/", { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" })).status).toBe(
      200,
    );
    expect((await get("/api/state", { origin: `http://localhost:${port}` })).status).toBe(200);
  });

  const verbs = ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"];
  const paths = [
    ...reads,
    "/events",
    `/bundle/runner-${bundleSha}.mjs`,
    "/control/reload",
    "/control/drain",
    "/control/undrain",
    "/control/secrets",
    "/control/stop",
    "/agent/v1/other",
    "/agent/v1/sync/",
    "/anything",
  ];
  it.each(verbs)("changes nothing by %s: only the two agent calls may be posted", async (method) => {
    const changed = vi.fn();
    await up({ agents: { enroll: changed, sync: changed } });
    const all: string[] = method === "POST" ? paths : [...paths, "/agent/v1/enroll", "/agent/v1/sync"];
    for (const path of all) {
      const sent: Sent = {
        port: web!.port,
        path,
        method,
        headers: { ...bearer, "x-http-method-override": "POST" },
      };
      const answer = await ask({ ...sent, body: method === "OPTIONS" ? "" : "{}" });
      expect(answer.status, `${method} ${path}`).toBe(405);
    }
    expect(changed).not.toHaveBeenCalled();
  });

  it("has no agent calls unless it is told to", async () => {
    const called = vi.fn();
    web = await serveWeb(
      { port: 0, handlers: webHandlers({ agents: { enroll: called, sync: called } }) },
      quietDeps(),
    );
    expect((await post("/agent/v1/enroll", enrolment)).status).toBe(405);
    expect((await post("/agent/v1/sync", report, bearer)).status).toBe(405);
    expect((await get("/agent/v1/enroll")).status).toBe(404);
    expect(called).not.toHaveBeenCalled();
  });
});
