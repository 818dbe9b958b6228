// Goal: what a job with root took from a machine that always exists is of no use in its next start, and of no more than that
// machine in this one. Method: the real handlers and the real apply in virtual time, the machine started as its backend lists it.
import { pino } from "pino";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Agents, makeAgents } from "../../../../agent/manager/agents.ts";
import { offerKey } from "../../../../agent/manager/backends/aws/scopes.ts";
import { makeIdentity } from "../../../../agent/manager/identity.ts";
import { makeDocuments } from "../../../../agent/manager/identity/documents.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { type Loop, makeLoop } from "../../../../agent/manager/loop.ts";
import type { World } from "../../../../agent/manager/world.ts";
import { protocolVersion, type SyncRequest } from "../../../../agent/protocol.ts";
import { documentOf, makeSigner, type Signer } from "../../../clouds/metadata/signer.ts";
import { virtualClock, type VirtualClock } from "../../../simulation/clock.ts";
import { entry as awsEntry } from "../backends/aws/fake.ts";
import { config, world } from "../worlds.ts";

const id = "i-0123456789abcdef0";
const own = "10.64.0.17";
const accountId = "123456789012";
const region = "eu-central-1";
const identity = makeIdentity(Buffer.alloc(32, 1));
const host = { arch: "arm64", cores: 8, memoryMb: 16_384, diskFreeMb: 1, kernel: "6.8" };
const archive = { version: "2.336.0", sha256: "a".repeat(64), urls: ["http://127.0.0.1/runner.tar.gz"] };
const entry = awsEntry({ fixed: [id] });
const minute = 60_000;

let aws: Signer;
beforeAll(async () => void (aws = await makeSigner()));

let clock: VirtualClock;
let loop: Loop;
let agents: Agents;
let reach: "own" | "any";
let lists = 0;

/** A manager whose journal is complete since then. */
const manager = (over: Partial<World> = {}) => {
  const log = pino({ level: "silent" });
  const deps = { clock, random: () => 0, id: () => "1", log, fetch };
  const journal = {
    ...{ launches: [], machines: [], completeSinceMs: 0, whole: true, draining: false },
    ...{ save: () => {}, heartbeat: () => {}, close: () => {} },
  };
  const first = world({ config: config({ a: { backends: [entry] } }), reports: {} });
  const fresh = { is: "fresh", atMs: clock.now() } as const;
  loop = makeLoop({
    world: {
      ...first,
      completeSinceMs: clock.now() - 1e9,
      views: { ...first.views, "backend:aws": fresh },
      ...over,
    },
    ...{ journal, limits, deps },
    broken: (error) => expect.fail(String(error)),
  });
  const documents = makeDocuments({
    ...{ world: loop.world, certificates: { [region]: aws.certificate }, limits, deps },
    ...{ account: { now: () => accountId }, backend: "aws" },
  });
  agents = makeAgents({
    ...{ loop, identity, documents, limits, deps, configs: new Map(), addresses: () => reach },
    github: { archive: async () => archive },
  });
};
/** As EC2 shows it: running since its last start, or standing still. */
const listed = (startedMs: number, running = true) => {
  const offer = offerKey("a", entry.name);
  const end = { why: "stopped", interrupted: false, gone: true };
  loop.report({
    ...{ is: "listed", backend: "aws", consistent: false, startedMs: clock.now() + ++lists / 1_000 },
    machines: [
      { id, pool: "a", launch: "", offer, startedMs, running, slot: true, ...(!running && { end }) },
    ],
  });
};
/** Stopped and seen to be; a minute later it starts again. @returns when */
const startedAnew = async () => {
  loop.report({ is: "end-asked", machine: id, why: "test", failedBoot: false });
  loop.report({ is: "destroy-asked", machines: [id] });
  // The world keeps a job of which GitHub may not have heard for a minute.
  for (let n = 0; n < 8; n++) {
    await clock.advance(15_000);
    listed(0, false);
  }
  expect(loop.world().machines[id]).toBeUndefined();
  await clock.advance(2 * minute);
  listed(clock.now());
  return clock.now();
};
beforeEach(async () => {
  clock = virtualClock();
  reach = "own";
  manager();
});

const signed = (pendingMs: number) =>
  aws.sign(
    documentOf({
      ...{ accountId, region, instanceId: id, privateIp: own },
      pendingTime: new Date(pendingMs).toISOString().replace(/\.\d+Z$/, "Z"),
    }),
  );
const enroll = (document: string, from = own) =>
  agents.enroll({ protocol: protocolVersion, machine: id, agent: "x", host, document }, from);
let sequence = 0;
const sync = (session: string, over: Partial<SyncRequest> = {}, from = own) =>
  agents.sync(
    session,
    {
      ...{
        protocol: protocolVersion,
        sequence: ++sequence,
        life: 0,
        job: null,
        lastLife: null,
        problem: null,
      },
      ...{ usage: null, phase: "preparing", done: 0, ...over },
    },
    new AbortController().signal,
    from,
  );
const refused = { status: 401, code: "unknown-machine" };
const over = { status: 401, code: "session-over" };

describe("a machine that always exists", () => {
  test("enrols with the document of this start, once", async () => {
    const startedMs = clock.now();
    listed(startedMs);
    await clock.advance(30_000);
    const { session } = await enroll(signed(startedMs));
    await sync(session);
    await expect(enroll(signed(startedMs))).rejects.toMatchObject(refused);
  });

  test("that starts anew enrols anew, and nothing of the start before counts: not document, not session", async () => {
    const before = clock.now();
    listed(before);
    const document = signed(before);
    const { session } = await enroll(document);
    await sync(session);
    const again = await startedAnew();
    // A job of the start before kept both.
    await expect(enroll(document)).rejects.toMatchObject(refused);
    await expect(sync(session)).rejects.toMatchObject(over);
    const next = await enroll(signed(again));
    await expect(sync(next.session)).resolves.toBeDefined();
    await expect(sync(session)).rejects.toMatchObject(over);
  });

  test("is served by no session without a start, whoever may have signed it", async () => {
    const startedMs = clock.now();
    listed(startedMs);
    await enroll(signed(startedMs));
    await expect(sync(identity.session(id, own))).rejects.toMatchObject(over);
  });

  test("whose agent was started again within a start is refused, falls silent and is given up", async () => {
    const startedMs = clock.now();
    listed(startedMs);
    await sync((await enroll(signed(startedMs))).session);
    await clock.advance(limits.bootDeadlineMs);
    await expect(enroll(signed(startedMs))).rejects.toMatchObject(refused);
  });

  test("whose document went elsewhere: where addresses count it is worth nothing there, where they do not the first one counts", async () => {
    const startedMs = clock.now();
    listed(startedMs);
    await expect(enroll(signed(startedMs), "10.64.0.99")).rejects.toMatchObject(refused);
    reach = "any";
    await sync((await enroll(signed(startedMs), "203.0.113.1")).session, {}, "203.0.113.1");
    await expect(enroll(signed(startedMs), "203.0.113.2")).rejects.toMatchObject(refused);
  });

  test("that calls before a list shows it comes again", async () => {
    await expect(enroll(signed(clock.now()))).rejects.toMatchObject({ status: 503, code: "busy" });
  });
});

describe("after a lost journal", () => {
  test("a start from before is spent: its session goes on, its document does not, and the next start counts", async () => {
    const startedMs = clock.now();
    listed(startedMs);
    const document = signed(startedMs);
    const { session } = await enroll(document);
    await sync(session);
    await clock.advance(2 * minute);
    manager({ completeSinceMs: clock.now() });
    listed(startedMs);
    expect(loop.world().machines[id]).toMatchObject({ spent: true, slot: true });
    await expect(enroll(document)).rejects.toMatchObject(refused);
    await sync(session, { life: 3, phase: "busy", job: "build" });
    expect(loop.world().machines[id]).toMatchObject({ stage: "busy", spent: true });
    // Only once GitHub has no record of it any more.
    loop.report({ is: "end-asked", machine: id, why: "test", failedBoot: false });
    const { name } = loop.world().machines[id]!.registration!;
    loop.report({ is: "runner-removed", machine: id, name, outcome: "gone" });
    const again = await startedAnew();
    expect(loop.world().machines[id]).toMatchObject({ spent: false });
    await expect(enroll(document)).rejects.toMatchObject(refused);
    await expect(enroll(signed(again))).resolves.toBeDefined();
  });

  test("a start shortly after counts as before: clocks differ", async () => {
    manager({ completeSinceMs: clock.now() });
    listed(clock.now() + limits.clockSkewMs - 1);
    expect(loop.world().machines[id]).toMatchObject({ spent: true });
  });
});
