// Goal: over TLS there is what booting machines and agents need and nothing else, and nobody can take it from the others.
// Method: real sockets and certificates; callers of other addresses bind to their own part of 127.0.0.0/8.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Refused } from "../../../../agent/manager/errors.ts";
import { type AgentsTls, serveAgentsOverTls } from "../../../../agent/manager/web/agents-tls.ts";
import type { BootHandlers, BootReport } from "../../../../agent/manager/web/boot.ts";
import type { AgentHandlers } from "../../../../agent/manager/web/server.ts";
import type { WebLimits } from "../../../../agent/manager/web/limits.ts";
import { type Certificates, makeCertificates } from "../../../certificates/certificates.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";
import { ask, postJson, type Sent, until } from "./requests.ts";
import { bundleSha, enrolled, enrolment, nothingNew, report } from "./server-fixture.ts";

let stack: Certificates;
let next: Certificates;
beforeAll(async () => {
  [stack, next] = await Promise.all([makeCertificates("stack"), makeCertificates("next")]);
});
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const answering: AgentHandlers = { enroll: async () => enrolled, sync: async () => nothingNew };
const served = async (
  over: { agents?: AgentHandlers; limits?: Partial<WebLimits>; bundle?: string } = {},
) => {
  const { agents = answering, limits = {}, bundle = "export {};" } = over;
  const reports: BootReport[] = [];
  const clock = fakeClock();
  const boot: BootHandlers = {
    manifest: async (arch, pool) => {
      if (pool !== "arm64") throw new Refused(503, "busy", "later", 5);
      return `agent.mjs ${bundleSha} /bundle/runner-${bundleSha}.mjs # ${arch}\n`;
    },
    runnerBundle: async (sha256) => (sha256 === bundleSha ? new TextEncoder().encode(bundle) : null),
    report: (each) => void reports.push(each),
  };
  const certificate = { cert: stack.certificate, key: stack.key };
  const tls: AgentsTls = await serveAgentsOverTls(
    { port: 0, certificate, agents, boot, limits },
    quietDeps(clock),
  );
  cleanups.push(() => tls.close());
  const at = (path: string, more: Partial<Sent> = {}) => ({ port: tls.port, ca: stack.ca, path, ...more });
  const enroll = (from = "127.0.0.1") => postJson(at("/agent/v1/enroll", { from }), enrolment);
  return { tls, at, enroll, reports, clock };
};
const sessionHeader = { authorization: `Bearer ${enrolled.session}` };
const reportPath = "/boot-report?machine=i-0123456789abcdef0&pool=arm64&phase=downloads";

describe("the door for machines of clouds", () => {
  it("serves the two calls of agents, with the caller's address", async () => {
    const seen: string[] = [];
    const { at } = await served({
      agents: {
        enroll: async (_request, address) => (seen.push(address), enrolled),
        sync: async (session, _report, _signal, address) => (seen.push(session, address), nothingNew),
      },
    });
    const answer = await postJson(at("/agent/v1/enroll", { from: "127.0.0.9" }), enrolment);
    expect(JSON.parse(answer.text)).toEqual(enrolled);
    const synced = await postJson(at("/agent/v1/sync", { headers: sessionHeader }), report);
    expect(JSON.parse(synced.text)).toEqual(nothingNew);
    expect(seen.map((each) => each.replace("::ffff:", ""))).toEqual([
      "127.0.0.9",
      enrolled.session,
      "127.0.0.1",
    ]);
  });

  it("serves the manifest, the agent and a place for reports", async () => {
    const { at, reports } = await served();
    const manifest = await ask(at("/boot/v1/manifest?arch=arm64&pool=arm64"));
    expect([manifest.status, manifest.headers["content-type"]]).toEqual([200, "text/plain;charset=UTF-8"]);
    expect(manifest.text).toBe(`agent.mjs ${bundleSha} /bundle/runner-${bundleSha}.mjs # arm64\n`);
    expect((await ask(at(`/bundle/runner-${bundleSha}.mjs`))).text).toBe("export {};");
    expect((await ask(at(`/bundle/runner-${"0".repeat(64)}.mjs`))).status).toBe(404);
    expect((await ask(at(reportPath, { method: "POST", body: "curl: (6)\n" }))).status).toBe(204);
    expect(reports).toEqual([
      { machine: "i-0123456789abcdef0", pool: "arm64", phase: "downloads", text: "curl: (6)\n" },
    ]);
  });

  it("says when to come again while it is not known what to run", async () => {
    const { at } = await served();
    const answer = await ask(at("/boot/v1/manifest?arch=arm64&pool=other"));
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "5"]);
  });

  it.each([
    ["GET", "/"],
    ["GET", "/healthz"],
    ["GET", "/metrics"],
    ["GET", "/api/state"],
    ["GET", "/events"],
    ["GET", "/style.css"],
    ["GET", "/control/state"],
    ["POST", "/control/stop"],
    ["POST", "/control/reload"],
    ["POST", "/control/secrets"],
    ["GET", "/agent/v1/enroll"],
    ["GET", "/agent/v1/sync"],
    ["PUT", "/agent/v1/sync"],
    ["POST", "/agent/v1/other"],
    ["GET", "/agent/v1/"],
    ["POST", "/boot/v1/manifest?arch=arm64&pool=arm64"],
    ["GET", reportPath],
    ["GET", "/bundle/"],
    ["GET", "/bundle/runner-.mjs"],
    ["GET", "/bundle/../../etc/passwd"],
    ["GET", "/bundle/%2e%2e%2fstack.key"],
    ["GET", "/boot/v1/../../api/state"],
    ["OPTIONS", "/agent/v1/enroll"],
    ["TRACE", "/"],
  ])("has nothing at %s %s", async (method, path) => {
    const { at } = await served();
    expect((await ask(at(path, { method }))).status).toBe(404);
  });

  it.each([
    ["an architecture of nobody", "/boot/v1/manifest?arch=vax&pool=arm64", "GET"],
    ["no pool", "/boot/v1/manifest?arch=arm64", "GET"],
    ["a pool with a line break", "/boot/v1/manifest?arch=arm64&pool=a%0Ab", "GET"],
    ["a phase of nobody", "/boot-report?machine=i-1&pool=a&phase=lunch", "POST"],
    ["a machine with control characters", "/boot-report?machine=%1b%5b2J&pool=a&phase=start", "POST"],
  ])("answers 400 to %s, without repeating it", async (_what, path, method) => {
    const { at, reports } = await served();
    const answer = await ask(
      at(path, { method, body: method === "POST" ? "x" : undefined } as Partial<Sent>),
    );
    expect(answer.status).toBe(400);
    expect(answer.text).not.toMatch(/vax|lunch/);
    expect(reports).toEqual([]);
  });

  it("takes 8 KB of a report and no more, whatever the headers promise", async () => {
    const { at, reports } = await served();
    const send = (bytes: number, headers = {}) =>
      ask(at(reportPath, { method: "POST", body: "x".repeat(bytes), headers }));
    expect((await send(8_192)).status).toBe(204);
    expect((await send(8_193)).status).toBe(413);
    expect((await send(8_193, { "transfer-encoding": "chunked" })).status).toBe(413);
    expect(reports).toHaveLength(1);
  });
});

describe("its TLS", () => {
  const hello = (tls: AgentsTls, ca: string, more = {}) =>
    new Promise<TLSSocket>((resolve, reject) => {
      const socket = connectTls({ port: tls.port, host: "127.0.0.1", ca, ...more }, () => resolve(socket));
      socket.on("error", reject);
      cleanups.push(() => socket.destroy());
    });

  it("is 1.3, and nothing older", async () => {
    const { tls } = await served();
    expect((await hello(tls, stack.ca)).getProtocol()).toBe("TLSv1.3");
    await expect(hello(tls, stack.ca, { maxVersion: "TLSv1.2" })).rejects.toThrow(/protocol version|alert/i);
  });

  it("takes up another certificate without closing what is open", async () => {
    const { tls, at } = await served();
    const open = await hello(tls, stack.ca);
    tls.use({ cert: next.certificate, key: next.key });
    await expect(ask(at("/"))).rejects.toThrow(/certificate|self.signed/i);
    expect((await ask(at("/", { ca: next.ca }))).status).toBe(404);
    open.write("GET / HTTP/1.1\r\nhost: manager\r\nconnection: close\r\n\r\n");
    const [part] = (await once(open, "data")) as [Buffer];
    expect(part.toString()).toMatch(/^HTTP\/1.1 404/);
  });

  it("keeps the certificate when the next one's key does not fit", async () => {
    const { tls, at } = await served();
    expect(() => tls.use({ cert: next.certificate, key: stack.key })).toThrow();
    expect((await ask(at("/"))).status).toBe(404);
  });
});

describe("its limits", () => {
  const silent = (tls: AgentsTls, from: string): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect({ port: tls.port, host: "127.0.0.1", localAddress: from }, () =>
        resolve(socket),
      );
      socket.on("error", () => {});
      cleanups.push(() => socket.destroy());
    });

  it("keep bundles that nobody reads few, also those that one connection asks for at once, and not for long", async () => {
    const bundle = "x".repeat(16 << 20);
    const bundles = { max: 3, perCallerMax: 2, ms: 60_000 };
    const { tls, at, clock } = await served({ bundle, limits: { bundles } });
    const path = `/bundle/runner-${bundleSha}.mjs`;
    const lazy = async (times: number) => {
      const socket = connectTls({ port: tls.port, host: "127.0.0.1", ca: stack.ca });
      socket.on("error", () => {});
      cleanups.push(() => socket.destroy());
      await once(socket, "secureConnect");
      socket.write(`GET ${path} HTTP/1.1\r\nhost: manager\r\n\r\n`.repeat(times));
      return socket;
    };
    const status = async (from: string) => (await ask(at(path, { from }))).status;
    const soon = (what: () => Promise<number>) => expect.poll(what, { interval: 100, timeout: 8_000 });
    const pipelined = await lazy(2);
    await soon(() => status("127.0.0.1")).toBe(503);
    expect(await status("127.0.0.2")).toBe(200);
    pipelined.destroy();
    await soon(() => status("127.0.0.1")).toBe(200);
    const slow = await lazy(2);
    await soon(() => status("127.0.0.1")).toBe(503);
    clock.advance(bundles.ms);
    slow.resume();
    await once(slow, "close");
    await soon(() => status("127.0.0.1")).toBe(200);
    await expect.poll(() => clock.timers(), { timeout: 8_000 }).toBe(0);
  }, 30_000);

  it("hang up on handshakes beyond an address's share, and others have theirs", async () => {
    const { tls, enroll } = await served({ limits: { handshakesPerAddressMax: 3 } });
    const sockets: Socket[] = [];
    for (let n = 0; n < 5; n++) sockets.push(await silent(tls, "127.0.0.1"));
    await until(() => sockets.filter(({ closed }) => closed).length === 2, "two are hung up on");
    expect(tls.handshakes()).toBe(3);
    await expect(enroll()).rejects.toThrow();
    expect((await enroll("127.0.0.2")).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => tls.handshakes()).toBe(0);
    expect((await enroll()).status).toBe(200);
  });

  it("bear so many handshakes at a time of all together, and each ends in time", async () => {
    const { tls, enroll } = await served({ limits: { handshakesMax: 4, handshakeMs: 2_000 } });
    for (let n = 1; n <= 4; n++) await silent(tls, `127.0.0.${n}`);
    await expect.poll(() => tls.handshakes()).toBe(4);
    await expect(enroll("127.0.0.9")).rejects.toThrow();
    await expect.poll(() => tls.handshakes()).toBe(0);
    expect((await enroll("127.0.0.9")).status).toBe(200);
  });

  it("count a connection until it closes, and a handshake until it is done", async () => {
    const { tls, at } = await served();
    await Promise.all(Array.from({ length: 20 }, (_, n) => ask(at("/", { from: `127.0.0.${n + 1}` }))));
    await expect.poll(() => tls.handshakes()).toBe(0);
  });

  it("let one address hold only so many connections", async () => {
    const { tls, enroll } = await served({ limits: { connectionsPerAddressMax: 2 } });
    const open = [1, 2].map(
      () =>
        new Promise<TLSSocket>((resolve) => {
          const socket = connectTls({ port: tls.port, host: "127.0.0.1", ca: stack.ca }, () =>
            resolve(socket),
          );
          cleanups.push(() => socket.destroy());
        }),
    );
    const [first] = await Promise.all(open);
    await expect(enroll()).rejects.toThrow();
    expect((await enroll("127.0.0.2")).status).toBe(200);
    first!.destroy();
    await expect
      .poll(async () =>
        enroll().then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });

  it("let one address connect only so often", async () => {
    const { at, clock } = await served({ limits: { connectsPerAddress: { count: 3, perMs: 3_000 } } });
    const once = (from = "127.0.0.1") =>
      ask(at("/", { from })).then(
        ({ status }) => status,
        () => "hung up on",
      );
    expect([await once(), await once(), await once(), await once()]).toEqual([404, 404, 404, "hung up on"]);
    expect(await once("127.0.0.2")).toBe(404);
    clock.advance(1_000);
    expect(await once()).toBe(404);
  });

  it("take five attempts to enrol a minute, but count none that is told to come again", async () => {
    const refusing = (status: 401 | 503) => ({
      ...answering,
      enroll: () => Promise.reject(new Refused(status, status === 503 ? "busy" : "unknown-machine", "no", 5)),
    });
    const early = await served({ agents: refusing(503) });
    for (let attempt = 0; attempt < 8; attempt++) expect((await early.enroll()).status).toBe(503);
    const wrong = await served({ agents: refusing(401) });
    for (let attempt = 0; attempt < 5; attempt++) expect((await wrong.enroll()).status).toBe(401);
    expect((await wrong.enroll()).status).toBe(429);
    expect((await wrong.enroll("127.0.0.2")).status).toBe(401);
  });

  it("take six reports a minute of one address, and sixty of all", async () => {
    const { at, reports } = await served();
    const send = async (from: string) =>
      (await ask(at(reportPath, { method: "POST", body: "x", from }))).status;
    const first = [];
    for (let n = 0; n < 7; n++) first.push(await send("127.0.0.1"));
    expect(first).toEqual([204, 204, 204, 204, 204, 204, 429]);
    for (let n = 2; n <= 10; n++) for (let each = 0; each < 6; each++) await send(`127.0.0.${n}`);
    expect(await send("127.0.0.99")).toBe(429);
    expect(reports).toHaveLength(60);
  });

  it("cut off who sends its head slowly", async () => {
    const { tls } = await served({ limits: { headersTimeoutMs: 200, checkingMs: 50 } });
    const socket = connectTls({ port: tls.port, host: "127.0.0.1", ca: stack.ca });
    socket.on("error", () => {});
    await once(socket, "secureConnect");
    socket.resume();
    socket.write("POST /agent/v1/enroll HTTP/1.1\r\nhost: ");
    await once(socket, "close");
  });
});
