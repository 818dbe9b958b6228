// Goal: only the machine itself is served, calls may be repeated, and an order reaches a held sync at once. Method: the real
// loop and handlers in virtual time; the world begins as written here.
import { pino } from "pino";
import { beforeEach, describe, expect, test } from "vitest";
import { makeAgents } from "../../../agent/manager/agents.ts";
import type { Deps } from "../../../agent/manager/deps.ts";
import { makeIdentity } from "../../../agent/manager/identity.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { type Loop, makeLoop } from "../../../agent/manager/loop.ts";
import type { EnrollRequest, SyncRequest } from "../../../agent/protocol.ts";
import { protocolVersion } from "../../../agent/protocol.ts";
import { virtualClock, type VirtualClock } from "../../simulation/clock.ts";
import { machine, registered, world } from "./worlds.ts";

const identity = makeIdentity(Buffer.alloc(32, 1));
const archive = { version: "2.336.0", sha256: "a".repeat(64), urls: ["http://127.0.0.1/runner.tar.gz"] };
const journal = {
  launches: [],
  machines: [],
  completeSinceMs: 0,
  whole: true,
  draining: false,
  save: () => {},
  heartbeat: () => {},
  close: () => {},
};
const host = { arch: "x64", cores: 4, memoryMb: 8_192, diskFreeMb: 1, kernel: "6.1" };

let clock: VirtualClock;
let deps: Deps;
let loop: Loop;
let agents: ReturnType<typeof makeAgents>;
const configs = new Map<string, { life: number; jitConfig: string }>();
beforeEach(() => {
  configs.clear();
  clock = virtualClock();
  deps = { clock, random: () => 0, id: () => "1", log: pino({ level: "silent" }), fetch };
  const machines = [
    machine("m1", "starting"),
    registered("m2", "registered"),
    machine("m3", "done"),
    machine("m4", "starting", { spent: true }),
    registered("m5", "lost"),
  ];
  loop = makeLoop({
    world: world({ machines, reports: {} }),
    journal,
    limits,
    deps,
    broken: (error) => expect.fail(String(error)),
  });
  agents = makeAgents({ loop, identity, github: { archive: async () => archive }, configs, limits, deps });
});

const enroll = (id: string, over: Partial<EnrollRequest> = {}, address = "") =>
  agents.enroll(
    { protocol: protocolVersion, machine: id, token: identity.token(id), agent: "x", host, ...over },
    address,
  );
const sync = (
  id: string,
  over: Partial<SyncRequest> = {},
  signal = new AbortController().signal,
  address?: string,
  session = identity.session(id),
) =>
  agents.sync(
    session,
    {
      protocol: protocolVersion,
      sequence: 1,
      phase: "ready",
      life: 0,
      job: null,
      lastLife: null,
      problem: null,
      usage: null,
      done: 0,
      ...over,
    },
    signal,
    address,
  );

describe("enrolling", () => {
  test("a launched machine gets its session, pool and archive", async () => {
    expect(await enroll("m1")).toMatchObject({
      session: identity.session("m1"),
      pool: "a",
      runner: archive,
      syncSeconds: 30,
    });
    expect(loop.world().machines.m1).toMatchObject({ stage: "enrolled", host });
  });
  test("a lost answer is given again until the first sync, then the token is spent", async () => {
    const first = await enroll("m1");
    expect(await enroll("m1")).toEqual(first);
    await sync("m1", { phase: "preparing" });
    await expect(enroll("m1")).rejects.toMatchObject({ status: 409, code: "already-enrolled" });
  });
  test("a token that was used stays used for a manager that was restarted since", async () => {
    await enroll("m1");
    await sync("m1", { phase: "preparing" });
    const restarted = makeLoop({
      world: { ...loop.world(), reports: {} },
      journal,
      limits,
      deps,
      broken: (error) => expect.fail(String(error)),
    });
    loop = restarted;
    agents = makeAgents({ loop, identity, github: { archive: async () => archive }, configs, limits, deps });
    await expect(enroll("m1")).rejects.toMatchObject({ status: 409, code: "already-enrolled" });
  });
  test("of two that enrol at once from two addresses one gets a session", async () => {
    const answers = await Promise.allSettled([enroll("m1", {}, "192.0.2.1"), enroll("m1", {}, "192.0.2.2")]);
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(answers[1]).toMatchObject({ reason: { status: 409 } });
  });
  test("a machine that ends while GitHub is asked for the runner gets no session", async () => {
    let release = () => {};
    const asked = new Promise<void>((resolve) => (release = resolve));
    const slow = { archive: async () => (await asked, archive) };
    agents = makeAgents({ loop, identity, github: slow, configs, limits, deps });
    const answer = enroll("m1");
    loop.report({ is: "end-asked", machine: "m1", why: "too late", failedBoot: false });
    release();
    await expect(answer).rejects.toMatchObject({ status: 401, code: "unknown-machine" });
  });
  test.each([
    ["another machine's token", () => enroll("m1", { token: identity.token("m2") })],
    ["a machine nobody launched", () => enroll("m9")],
    ["a machine that is finished with", () => enroll("m3")],
    ["a machine from before the journal was lost", () => enroll("m4")],
  ])("%s is refused", async (_what, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ status: 401, code: "unknown-machine" });
  });
  test.each([
    [protocolVersion - 1, true],
    [protocolVersion + 1, true],
    [protocolVersion + 2, false],
  ])("protocol %i is served: %s", async (protocol, served) => {
    const attempt = enroll("m1", { protocol });
    await (served
      ? expect(attempt).resolves.toBeDefined()
      : expect(attempt).rejects.toMatchObject({ code: "bad-request" }));
  });
});

describe("addresses", () => {
  const from = (address: string, session: string) =>
    sync("m1", { phase: "busy" }, undefined, address, session);
  test("a session is heard only from where its machine enrolled", async () => {
    const { session } = await enroll("m1", {}, "192.0.2.1");
    expect(loop.world().machines.m1).toMatchObject({ address: "192.0.2.1" });
    await expect(from("192.0.2.1", session)).resolves.toBeDefined();
    await expect(from("::ffff:192.0.2.1", session), "the same over IPv6").resolves.toBeDefined();
    for (const elsewhere of ["192.0.2.2", "::1", ""]) {
      await expect(from(elsewhere, session), elsewhere).rejects.toMatchObject({
        status: 401,
        code: "session-over",
      });
    }
  });
  test("a session of this computer's socket is none over TCP", async () => {
    const { session } = await enroll("m1");
    await expect(from("", session)).resolves.toBeDefined();
    await expect(from("127.0.0.1", session)).rejects.toMatchObject({ code: "session-over" });
  });
  test("a lost answer is given again to the same address alone", async () => {
    const first = await enroll("m1", {}, "192.0.2.1");
    await expect(enroll("m1", {}, "192.0.2.2")).rejects.toMatchObject({ code: "already-enrolled" });
    expect(await enroll("m1", {}, "192.0.2.1")).toEqual(first);
  });
  test("where machines come through address translation, token and session alone count", async () => {
    const github = { archive: async () => archive };
    agents = makeAgents({ loop, identity, github, configs, addresses: () => "any", limits, deps });
    const { session } = await enroll("m1", {}, "192.0.2.1");
    await expect(from("192.0.2.2", session)).resolves.toBeDefined();
  });
});

describe("a session of a machine that is finished with", () => {
  const said = { sequence: 9, life: 1, done: 0 };
  test("is told to end, at once, and obtains nothing else, whatever it says", async () => {
    configs.set("m2", { life: 1, jitConfig: "secret" });
    loop.report({ is: "minted", machine: "m2", life: 1, runnerId: 7, name: "m2" });
    loop.report({ is: "end-asked", machine: "m2", why: "its job ended", failedBoot: false });
    const before = loop.world().machines.m2;
    for (const phase of ["preparing", "ready", "starting", "listening", "busy", "stopping"] as const) {
      const { instruction } = await sync("m2", { ...said, phase, sequence: ++said.sequence });
      expect(instruction, phase).toEqual({ id: 2, do: "end", reason: "its job ended" });
      expect(loop.world().machines.m2, phase).toEqual({ ...before, introduced: true });
    }
    const after = await sync("m2", { ...said, phase: "ready", sequence: 99, done: 2 });
    expect(after).toEqual({ instruction: { id: 2, do: "wait" }, nextSeconds: 30 });
    expect(configs.size).toBe(0);
  });
  test("is over where the backend says that the machine is gone", async () => {
    await expect(sync("m5", said)).rejects.toMatchObject({ status: 401, code: "session-over" });
  });
});

describe("syncing", () => {
  test("a busy machine is answered at once", async () => {
    expect(await sync("m2", { phase: "busy", life: 1, job: "build" })).toEqual({
      instruction: { id: 0, do: "wait" },
      nextSeconds: 30,
    });
  });

  test("a ready machine's sync is held and answered the moment there is an order", async () => {
    await enroll("m1");
    let answer: unknown;
    void sync("m1").then((given) => (answer = given));
    await clock.advance(10_000);
    expect(answer).toBeUndefined();
    loop.report({ is: "end-asked", machine: "m1", why: "it was idle", failedBoot: false });
    await clock.advance(0);
    expect(answer).toMatchObject({ instruction: { do: "end", reason: "it was idle" } });
  });

  test("a held sync ends after 25 s with nothing new", async () => {
    await enroll("m1");
    let answer: unknown;
    void sync("m1").then((given) => (answer = given));
    await clock.advance(limits.syncHoldMs);
    expect(answer).toEqual({ instruction: { id: 0, do: "wait" }, nextSeconds: 0 });
  });

  test("a newer sync displaces the held one", async () => {
    await enroll("m1");
    let answer: unknown;
    void sync("m1", { sequence: 1 }).then((given) => (answer = given));
    await clock.advance(1_000);
    void sync("m1", { sequence: 2 });
    await clock.advance(0);
    expect(answer).toMatchObject({ instruction: { do: "wait" } });
  });

  test("the registration is handed out with its order, also when the call is repeated", async () => {
    configs.set("m2", { life: 1, jitConfig: "secret" });
    loop.report({ is: "minted", machine: "m2", life: 1, runnerId: 7, name: "m2" });
    const first = await sync("m2");
    expect(first.instruction).toEqual({ id: 1, do: "run", life: 1, runnerName: "m2", jitConfig: "secret" });
    expect(await sync("m2")).toEqual(first);
  });

  test("a registration that a restart lost is never made up: its name is freed first", async () => {
    loop.report({ is: "minted", machine: "m2", life: 1, runnerId: 7, name: "m2" });
    void sync("m2");
    await clock.advance(0);
    expect(loop.world().machines.m2).toMatchObject({
      stage: "enrolled",
      order: null,
      registration: { name: "m2" },
    });
  });

  test("the config is forgotten once the agent carried the order out, and is nowhere in the world", async () => {
    configs.set("m2", { life: 1, jitConfig: "secret" });
    loop.report({ is: "minted", machine: "m2", life: 1, runnerId: 7, name: "m2" });
    await sync("m2", { sequence: 2, phase: "starting", life: 1, done: 1 });
    expect(configs.size).toBe(0);
    expect(JSON.stringify(loop.world())).not.toContain("secret");
  });

  test("a repeated report is not applied twice", async () => {
    await sync("m2", { sequence: 5, phase: "listening", life: 1 }, AbortSignal.abort());
    await sync("m2", { sequence: 5, phase: "ended", life: 1 }, AbortSignal.abort());
    expect(loop.world().machines.m2?.stage).toBe("listening");
  });

  test.each(["", "x.y", identity.session("m9")])("the session %s is refused", async (session) => {
    const request = {
      protocol: protocolVersion,
      sequence: 1,
      phase: "ready",
      life: 0,
      job: null,
      lastLife: null,
      problem: null,
      usage: null,
      done: 0,
    } as const;
    await expect(agents.sync(session, request, new AbortController().signal)).rejects.toMatchObject({
      status: 401,
      code: "session-over",
    });
  });
});
