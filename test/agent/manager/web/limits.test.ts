// Goal: whoever asks too often, or holds too many connections, is told when to come again and takes nothing from others.
// Method: real sockets; callers of other addresses bind to their own part of 127.0.0.0/8.
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "node:http";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Refused } from "../../../../agent/manager/errors.ts";
import { serveAgents } from "../../../../agent/manager/web/agents-socket.ts";
import type { AgentHandlers } from "../../../../agent/manager/web/server.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";
import { postJson, until } from "./requests.ts";
import { enrolled, enrolment, nothingNew, report, served } from "./server-fixture.ts";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
const answering: AgentHandlers = { enroll: async () => enrolled, sync: async () => nothingNew };

async function overTcp(agents: AgentHandlers = answering, limits = {}) {
  const clock = fakeClock();
  const web = await served({ agents }, limits, quietDeps(clock));
  cleanups.push(() => web.close());
  const post = (path: string, body: unknown, from = "127.0.0.1", session?: string) =>
    new Promise<{ status: number; retryAfter: string | undefined }>((resolve, reject) => {
      const headers = { ...(session === undefined ? {} : { authorization: `Bearer ${session}` }) };
      const call = request(
        {
          port: web.port,
          host: "127.0.0.1",
          localAddress: from,
          path,
          method: "POST",
          headers,
          agent: false,
        },
        (answer) => {
          answer.resume();
          resolve({ status: answer.statusCode!, retryAfter: answer.headers["retry-after"] });
        },
      );
      call.on("error", reject);
      call.end(JSON.stringify(body));
    });
  const enroll = (from?: string) => post("/agent/v1/enroll", enrolment, from);
  return { clock, web, post, enroll };
}

describe("over TCP", () => {
  it("takes five attempts to enrol a minute from one address that are refused, and then none of it", async () => {
    const refusing = {
      ...answering,
      enroll: () => Promise.reject(new Refused(401, "unknown-machine", "no")),
    };
    const { enroll, clock } = await overTcp(refusing);
    for (let attempt = 0; attempt < 5; attempt++) expect((await enroll()).status).toBe(401);
    expect(await enroll()).toEqual({ status: 429, retryAfter: "12" });
    expect((await enroll("127.0.0.2")).status, "another address").toBe(401);
    clock.advance(12_000);
    expect((await enroll()).status).toBe(401);
  });

  it("enrols a fleet that comes from one address, and still bears five wrong attempts of it a minute", async () => {
    const own = {
      ...answering,
      enroll: ({ machine }: { machine: string }) =>
        machine === "thief"
          ? Promise.reject(new Refused(401, "unknown-machine", "no"))
          : Promise.resolve(enrolled),
    };
    const { enroll, post } = await overTcp(own);
    for (let n = 0; n < 100; n++) expect((await enroll()).status).toBe(200);
    const thief = () => post("/agent/v1/enroll", { ...enrolment, machine: "thief" });
    for (let n = 0; n < 5; n++) {
      expect((await thief()).status).toBe(401);
      if (n < 4) expect((await enroll()).status, "a right one between them takes nothing back").toBe(200);
    }
    expect((await thief()).status).toBe(429);
  });

  it("leaves a crowd of guesses at once no more than so many", async () => {
    let asked = 0;
    let decide = () => {};
    const decided = new Promise<void>((resolve) => (decide = resolve));
    const slow = {
      ...answering,
      enroll: async () => {
        asked += 1;
        await decided;
        throw new Refused(401, "unknown-machine", "no");
      },
    };
    const { enroll } = await overTcp(slow, { enrolmentsUnderWayMax: 8 });
    const crowd = Array.from({ length: 30 }, () => enroll());
    await vi.waitFor(() => expect(asked).toBe(8), { timeout: 60_000 });
    const statuses = new Map<number, number>();
    const count = ({ status }: { status: number }) => statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const done = Promise.all(crowd.map(async (answer) => count(await answer)));
    await vi.waitFor(() => expect(statuses.get(429)).toBe(22), { timeout: 60_000 });
    decide();
    await done;
    expect([...statuses].sort()).toEqual([
      [401, 8],
      [429, 22],
    ]);
    expect((await enroll()).status).toBe(429);
  });

  it("does not count an attempt that failed on the manager's side", async () => {
    const failing = { ...answering, enroll: () => Promise.reject(new Error("GitHub does not answer")) };
    const { enroll } = await overTcp(failing);
    for (let attempt = 0; attempt < 20; attempt++) expect((await enroll()).status).toBe(500);
  });

  it("counts the calls of an address before it reads their bodies", async () => {
    const { post } = await overTcp(answering, { callsPerAddress: { count: 3, perMs: 3_000 } });
    const sync = (from?: string) => post("/agent/v1/sync", "not a report", from, "s");
    expect([await sync(), await sync(), await sync()].map(({ status }) => status)).toEqual([400, 400, 400]);
    expect(await sync()).toEqual({ status: 429, retryAfter: "1" });
    expect((await sync("127.0.0.2")).status).toBe(400);
  });

  it("answers 429 to connections beyond an address's share, and others have theirs", async () => {
    const { web, enroll } = await overTcp(answering, { connectionsPerAddressMax: 3 });
    const open: { socket: Socket; said: string }[] = [];
    for (let n = 0; n < 5; n++) {
      const one = { socket: connect({ port: web.port, host: "127.0.0.1" }), said: "" };
      one.socket.on("data", (part) => (one.said += part.toString()));
      one.socket.on("error", () => {});
      open.push(one);
      cleanups.push(() => one.socket.destroy());
    }
    await until(() => open.filter(({ said }) => said !== "").length === 2, "two are refused");
    for (const { said } of open.slice(3)) expect(said).toMatch(/^HTTP\/1.1 429 [^]*retry-after: 5/);
    expect((await enroll("127.0.0.2")).status).toBe(200);
    open[0]!.socket.destroy();
    open[1]!.socket.destroy();
    await until(() => open[0]!.socket.closed && open[1]!.socket.closed, "two are gone");
    await expect.poll(async () => (await enroll()).status).toBe(200);
  });
});

describe("over the socket of this computer", () => {
  async function overSocket(handlers: AgentHandlers = answering) {
    const folder = mkdtempSync(join(tmpdir(), "muster-limits-"));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const socketPath = join(folder, "agents.sock");
    const agents = await serveAgents({ path: socketPath, handlers }, quietDeps(fakeClock()));
    cleanups.push(() => agents.close());
    return socketPath;
  }

  it("takes five refused attempts to enrol a minute for one machine, for there is no address", async () => {
    const refuse = () => Promise.reject(new Refused(401, "unknown-machine", "no"));
    const socketPath = await overSocket({ ...answering, enroll: refuse });
    const enroll = (machine: string) =>
      postJson({ socketPath, path: "/agent/v1/enroll" }, { ...enrolment, machine });
    for (let attempt = 0; attempt < 5; attempt++) expect((await enroll("m1")).status).toBe(401);
    const refused = await enroll("m1");
    expect([refused.status, refused.headers["retry-after"]]).toEqual([429, "12"]);
    expect(JSON.parse(refused.text)).toEqual({
      error: "busy",
      message: "Too many attempts to enrol: come again in 12 s.",
    });
    expect((await enroll("m2")).status).toBe(401);
  });

  it("takes 300 syncs at once with one session, and more of all together", async () => {
    const socketPath = await overSocket();
    const sync = (session: string) =>
      postJson(
        { socketPath, path: "/agent/v1/sync", headers: { authorization: `Bearer ${session}` } },
        report,
      );
    const all = await Promise.all(Array.from({ length: 310 }, () => sync("one")));
    expect(all.filter(({ status }) => status === 200)).toHaveLength(300);
    expect(all.filter(({ status }) => status === 429)).toHaveLength(10);
    expect((await sync("another")).status).toBe(200);
  });
});
