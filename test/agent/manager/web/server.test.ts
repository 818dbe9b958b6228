import { connect, createServer } from "node:net";
import { afterEach, describe, expect, it, vi } from "vitest";
import { bodyBytesMax } from "../../../../agent/protocol.ts";
import { Refused } from "../../../../agent/manager/errors.ts";
import type { WebServer } from "../../../../agent/manager/web/server.ts";
import { quietDeps } from "./fake-deps.ts";
import { ask, postJson, until } from "./requests.ts";
import { bundleSha, enrolled, enrolment, healthy, nothingNew, report, served } from "./server-fixture.ts";

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

describe("reading", () => {
  it("serves health, metrics, state, the page and the runner's bundle, and nothing is cached", async () => {
    await up();
    for (const path of [...reads, `/bundle/runner-${bundleSha}.mjs`]) {
      const answer = await get(path);
      expect(answer.status, path).toBe(200);
      expect(answer.headers["cache-control"], path).toBe("no-store");
      expect(answer.headers["x-content-type-options"], path).toBe("nosniff");
      expect(answer.headers["content-security-policy"], path).toMatch(/^default-src 'self';/);
      expect(answer.headers["access-control-allow-origin"], path).toBeUndefined();
    }
    expect(JSON.parse((await get("/healthz")).text)).toEqual(healthy);
    expect((await get("/metrics")).headers["content-type"]).toContain("version=0.0.4");
  });

  it("answers 503 with the reason while it is not healthy", async () => {
    await up({ health: () => ({ ...healthy, ok: false, problem: "the loop stands still" }) });
    const answer = await get("/healthz");
    expect(answer.status).toBe(503);
    expect(JSON.parse(answer.text)).toMatchObject({ ok: false, problem: "the loop stands still" });
  });

  it("has no other bundle and no other path", async () => {
    await up();
    for (const path of [
      `/bundle/runner-${"0".repeat(64)}.mjs`,
      "/bundle/runner-.mjs",
      "/bundle/..%2f..%2fetc%2fpasswd",
      "/control/state",
      "/nothing",
    ]) {
      expect((await get(path)).status, path).toBe(404);
    }
  });

  it("says that something failed, but not what, when a handler throws", async () => {
    const deps = quietDeps();
    const state = () => {
      throw new Error("secret thoughts");
    };
    await up({ state }, {}, deps);
    for (const path of ["/", "/api/state"]) {
      const answer = await get(path);
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain("secret");
    }
    expect(deps.lines.join()).toContain("secret thoughts");
  });
});

describe("agents' calls", () => {
  it("hands an enrolment to the core with the caller's address", async () => {
    const enroll = vi.fn(async () => enrolled);
    await up({ agents: { enroll, sync: async () => nothingNew } });
    const answer = await post("/agent/v1/enroll", { ...enrolment, extra: "ignored" });
    expect(JSON.parse(answer.text)).toEqual(enrolled);
    expect(enroll).toHaveBeenCalledExactlyOnceWith(enrolment, "127.0.0.1");
  });

  it("wants a session for a sync and gives the core's refusals in its words", async () => {
    await up();
    expect((await post("/agent/v1/sync", report)).status).toBe(401);
    const over = await post("/agent/v1/sync", report, { authorization: "Bearer another" });
    expect(over.status).toBe(401);
    expect(JSON.parse(over.text)).toEqual({ error: "session-over", message: "This session is over." });
    expect((await post("/agent/v1/sync", report, bearer)).status).toBe(200);
  });

  it("tells a refused agent when to come again", async () => {
    const enroll = () => Promise.reject(new Refused(503, "busy", "Come again.", 2.2));
    await up({ agents: { enroll, sync: async () => nothingNew } });
    const answer = await post("/agent/v1/enroll", enrolment);
    expect(answer.status).toBe(503);
    expect(answer.headers["retry-after"]).toBe("3");
  });

  it("refuses what is no message, naming the place and never a value", async () => {
    const deps = quietDeps();
    await up({}, {}, deps);
    const token = "short-secret";
    const answer = await post("/agent/v1/enroll", {
      ...enrolment,
      token,
      host: { ...enrolment.host, cores: -1 },
    });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain("token");
    expect(answer.text).toContain("host.cores");
    expect(answer.text + deps.lines.join()).not.toContain(token);
    const broken = await ask({ port: web!.port, method: "POST", path: "/agent/v1/enroll", body: "{" });
    expect(broken.status).toBe(400);
  });

  it("counts a body's actual bytes", async () => {
    const enroll = vi.fn(async () => enrolled);
    await up({ agents: { enroll, sync: async () => nothingNew } });
    const fits = JSON.stringify(enrolment).padEnd(bodyBytesMax, " ");
    const sent = { port: web!.port, method: "POST", path: "/agent/v1/enroll" };
    expect((await ask({ ...sent, body: fits })).status).toBe(200);
    expect((await ask({ ...sent, body: `${fits} ` })).status).toBe(413);
    const chunked = { "transfer-encoding": "chunked" };
    expect((await ask({ ...sent, headers: chunked, body: fits })).status).toBe(200);
    expect((await ask({ ...sent, headers: chunked, body: `${fits} ` })).status).toBe(413);
    const twoByte = JSON.stringify({ ...enrolment, agent: "é".repeat(bodyBytesMax / 2) });
    expect(twoByte.length).toBeLessThan(bodyBytesMax);
    expect((await ask({ ...sent, body: twoByte })).status).toBe(413);
    expect(enroll).toHaveBeenCalledTimes(2);
  });

  it("closes a busy machine's connection and keeps the others'", async () => {
    await up();
    const keep = { ...bearer, connection: "keep-alive" };
    expect((await post("/agent/v1/sync", { ...report, phase: "busy" }, keep)).headers.connection).toBe(
      "close",
    );
    expect((await post("/agent/v1/sync", report, keep)).headers.connection).toBe("keep-alive");
  });

  it("tells the core when the agent goes away before its answer", async () => {
    let signal: AbortSignal | undefined;
    const sync = (_session: string, _request: unknown, given: AbortSignal) => {
      signal = given;
      return new Promise<never>((_resolve, reject) =>
        given.addEventListener("abort", () => reject(given.reason)),
      );
    };
    const deps = quietDeps();
    await up({ agents: { enroll: async () => enrolled, sync } }, {}, deps);
    const text = JSON.stringify(report);
    for (const chunked of [false, true]) {
      signal = undefined;
      const length = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${text.length}`;
      const head = `POST /agent/v1/sync HTTP/1.1\r\nHost: 127.0.0.1:${web!.port}\r\nAuthorization: ${bearer.authorization}\r\n${length}\r\n\r\n`;
      const body = chunked ? `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n` : text;
      const socket = connect(web!.port, "127.0.0.1", () => socket.write(head + body));
      await until(() => signal !== undefined, "the sync to arrive");
      expect(signal!.aborted).toBe(false);
      socket.destroy();
      await until(() => signal!.aborted, "the signal to abort");
    }
    expect(deps.lines).toEqual([]);
  });

  it("does not abort after a whole answer", async () => {
    let signal: AbortSignal | undefined;
    const sync = async (_session: string, _request: unknown, given: AbortSignal) => {
      signal = given;
      return nothingNew;
    };
    await up({ agents: { enroll: async () => enrolled, sync } });
    expect((await post("/agent/v1/sync", { ...report, phase: "busy" }, bearer)).status).toBe(200);
    await web!.close();
    expect(signal!.aborted).toBe(false);
  });
});

describe("limits", () => {
  it("cuts off senders that never finish their head", async () => {
    await up({}, { headersTimeoutMs: 150, requestTimeoutMs: 300, checkingMs: 25 });
    const closed = new Promise<string>((resolve) => {
      let said = "";
      const socket = connect(web!.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nHost: "));
      socket.on("data", (chunk) => (said += String(chunk)));
      socket.on("close", () => resolve(said));
      socket.on("error", () => {});
    });
    expect(await closed).toContain("408");
  });

  it("takes no more connections than allowed", async () => {
    await up({}, { connectionsMax: 2 });
    const sockets = [0, 1].map(() => connect(web!.port, "127.0.0.1"));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
    await until(() => sockets.every((socket) => !socket.connecting), "both to be connected");
    await expect(get("/healthz")).rejects.toThrow();
    for (const socket of sockets) socket.destroy();
  });

  it("names a port that is taken and what to do", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    const { port } = other.address() as { port: number };
    const { serveWeb } = await import("../../../../agent/manager/web/server.ts");
    const handlers = {} as Parameters<typeof serveWeb>[0]["handlers"];
    await expect(serveWeb({ port, handlers }, quietDeps())).rejects.toThrow(
      new RegExp(`127.0.0.1:${port}.*muster:manager`),
    );
    await new Promise((resolve) => other.close(resolve));
  });
});
