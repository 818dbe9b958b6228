// Goal: only the instance that this manager launched enrols, once, from its own address, while it boots; whatever else shows a
// document is refused, for a reason that the log has and the caller does not. Method: the real handlers in virtual time.
import { pino } from "pino";
import { beforeAll, beforeEach, describe, expect, it, test } from "vitest";
import { type Agents, makeAgents } from "../../../../agent/manager/agents.ts";
import { offerKey } from "../../../../agent/manager/backends/aws/scopes.ts";
import type { Deps } from "../../../../agent/manager/deps.ts";
import { makeIdentity } from "../../../../agent/manager/identity.ts";
import type { RegionCertificates } from "../../../../agent/manager/identity/aws-certificates.ts";
import { makeDocuments } from "../../../../agent/manager/identity/documents.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { type Loop, makeLoop } from "../../../../agent/manager/loop.ts";
import type { Machine, World } from "../../../../agent/manager/world.ts";
import type { AwsBackend } from "../../../../agent/manager-config.ts";
import { type EnrollRequest, protocolVersion } from "../../../../agent/protocol.ts";
import {
  documentOf,
  type Form,
  makeSigner,
  type Signer,
  type TestDocument,
} from "../../../clouds/metadata/signer.ts";
import { virtualClock, type VirtualClock } from "../../../simulation/clock.ts";
import { config, machine, world } from "../worlds.ts";

const id = "i-0123456789abcdef0";
const own = "10.64.0.17";
const account = "123456789012";
const archive = { version: "2.336.0", sha256: "a".repeat(64), urls: ["http://127.0.0.1/runner.tar.gz"] };
const host = { arch: "arm64", cores: 8, memoryMb: 16_384, diskFreeMb: 1, kernel: "6.8" };
const identity = makeIdentity(Buffer.alloc(32, 1));
const entry = (region: string): AwsBackend => ({
  kind: "aws",
  name: `spot-${region}`,
  region,
  market: "spot",
  types: [],
  template: { id: "lt-1", version: 1 },
  subnets: [],
  besideMicrosPerHour: 0,
  fixed: [],
});
const settings = config({ a: { backends: [entry("eu-central-1"), entry("us-east-1")] } });

let aws: Signer;
let overseas: Signer;
let foreign: Signer;
let certificates: RegionCertificates;
beforeAll(async () => {
  [aws, overseas, foreign] = await Promise.all([makeSigner(), makeSigner(), makeSigner()]);
  certificates = { "eu-central-1": aws.certificate, "us-east-1": overseas.certificate };
});

let clock: VirtualClock;
let logged: Record<string, unknown>[];
let loop: Loop;
let agents: Agents;
let knownAccount: string | null;
let addresses: "own" | "any";
const startedBefore = 20_000;

const start = (change: Partial<Machine> = {}, parts: Partial<World> = {}) => {
  const launched = clock.now() - startedBefore;
  const offer = offerKey("a", "spot-eu-central-1");
  const ours = { backend: "aws", offer, askedMs: launched - 3_000, startedMs: launched };
  const local = machine("m1", "starting");
  const deps: Deps = {
    clock,
    random: () => 0,
    id: () => "1",
    log: pino({ level: "warn" }, { write: (line) => void logged.push(JSON.parse(line) as never) }),
    fetch,
  };
  const journal = {
    ...{ launches: [], machines: [], completeSinceMs: 0, whole: true, draining: false },
    ...{ save: () => {}, heartbeat: () => {}, close: () => {} },
  };
  const first = world({
    config: settings,
    machines: [machine(id, "starting", { ...ours, ...change }), local],
    reports: {},
  });
  const fresh = { is: "fresh", atMs: clock.now() } as const;
  loop = makeLoop({
    world: { ...first, views: { ...first.views, "backend:aws": fresh }, ...parts },
    ...{ journal, limits, deps },
    broken: (error) => expect.fail(String(error)),
  });
  const documents = makeDocuments({
    ...{ world: loop.world, certificates, limits, deps },
    account: { now: () => knownAccount },
    backend: "aws",
  });
  const github = { archive: async () => archive };
  const configs = new Map<string, never>();
  agents = makeAgents({
    loop,
    identity,
    github,
    configs,
    documents,
    addresses: () => addresses,
    limits,
    deps,
  });
};
beforeEach(() => {
  clock = virtualClock();
  logged = [];
  knownAccount = account;
  addresses = "own";
  start();
});

const iso = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
const said = (over: Partial<TestDocument> = {}) =>
  documentOf({
    accountId: account,
    region: "eu-central-1",
    instanceId: id,
    pendingTime: iso(clock.now() - startedBefore),
    privateIp: own,
    ...over,
  });
const signed = (over: Partial<TestDocument> = {}, by = aws, form: Partial<Form> = {}) =>
  by.sign(said(over), form);
const enroll = (document: string, address = own, over: Partial<EnrollRequest> = {}) =>
  agents.enroll({ protocol: protocolVersion, machine: id, agent: "x", host, document, ...over }, address);
const sync = (session: string, address = own) => {
  const report = {
    protocol: protocolVersion,
    sequence: 1,
    life: 0,
    job: null,
    lastLife: null,
    problem: null,
    usage: null,
  };
  return agents.sync(
    session,
    { ...report, phase: "preparing", done: 0 },
    new AbortController().signal,
    address,
  );
};

describe("a machine of the cloud", () => {
  it("enrols with its document, from its own address, and is heard from there alone", async () => {
    const { session, pool } = await enroll(signed());
    expect(pool).toBe("a");
    expect(loop.world().machines[id]).toMatchObject({ stage: "enrolled", address: own });
    await expect(sync(session)).resolves.toBeDefined();
    await expect(sync(session, "10.64.0.18")).rejects.toMatchObject({ code: "session-over" });
    expect(logged).toEqual([]);
  });

  it("is answered again until its first sync: its answer may be lost", async () => {
    const first = await enroll(signed());
    expect(await enroll(signed())).toEqual(first);
  });

  it("enrols from any address where addresses prove nothing, and once all the same", async () => {
    addresses = "any";
    const { session } = await enroll(signed(), "203.0.113.7");
    await sync(session, "203.0.113.8");
    await expect(enroll(signed(), "203.0.113.7")).rejects.toMatchObject({ code: "unknown-machine" });
  });

  it("goes on with its session when addresses stop to count", async () => {
    const { session } = await enroll(signed());
    addresses = "any";
    await expect(sync(session, "203.0.113.7")).resolves.toBeDefined();
  });

  it("cannot enrol by a token, not even its own", async () => {
    const attempt = agents.enroll(
      { protocol: protocolVersion, machine: id, agent: "x", host, token: identity.token(id) },
      own,
    );
    await expect(attempt).rejects.toMatchObject({ status: 401, code: "unknown-machine" });
  });
});

interface Case {
  /** Who it is not. */
  attempt: () => Promise<unknown>;
  why: string;
}
const cases: Record<string, Case> = {
  "no document at all": { attempt: () => enroll("AAAA"), why: "unreadable" },
  "a document that was changed": {
    attempt: () =>
      enroll(signed({}, aws, { content: JSON.stringify(said({ instanceId: "i-0fedcba9876543210" })) })),
    why: "unreadable",
  },
  "one that somebody else signed": { attempt: () => enroll(signed({}, foreign)), why: "forged" },
  "one that another region's key signed": { attempt: () => enroll(signed({}, overseas)), why: "forged" },
  "one of a region without a certificate": {
    attempt: () => enroll(signed({ region: "moon-west-1" })),
    why: "unknown-region",
  },
  "another account": { attempt: () => enroll(signed({ accountId: "210987654321" })), why: "foreign-account" },
  "another instance's document": {
    attempt: () => enroll(signed({ instanceId: "i-0fedcba9876543210" })),
    why: "other-machine",
  },
  "an instance of another stack": {
    attempt: () =>
      enroll(signed({ instanceId: "i-0fedcba9876543210" }), own, { machine: "i-0fedcba9876543210" }),
    why: "not-launched",
  },
  "another region than its offer's": {
    attempt: () => enroll(signed({ region: "us-east-1" }, overseas)),
    why: "foreign-region",
  },
  "an old document": {
    attempt: () =>
      enroll(signed({ pendingTime: iso(clock.now() - limits.bootDeadlineMs - limits.clockSkewMs - 1_000) })),
    why: "stale",
  },
  "one from before its launch": {
    attempt: () => enroll(signed({ pendingTime: iso(clock.now() - startedBefore - 65_000) })),
    why: "stale",
  },
  "one from the future": {
    attempt: () => enroll(signed({ pendingTime: iso(clock.now() + limits.clockSkewMs + 2_000) })),
    why: "future",
  },
  "another address": { attempt: () => enroll(signed(), "10.64.0.18"), why: "foreign-address" },
  "a machine that is finished with": {
    attempt: () => {
      start({ stage: "done" });
      return enroll(signed());
    },
    why: "finished",
  },
  "a machine from before the journal was lost": {
    attempt: () => {
      start({ spent: true });
      return enroll(signed());
    },
    why: "spent",
  },
  "a machine that has enrolled and synced": {
    attempt: async () => {
      await sync((await enroll(signed())).session);
      return enroll(signed());
    },
    why: "replayed",
  },
  "a machine of this computer": {
    attempt: () => enroll(signed(), own, { machine: "m1" }),
    why: "other-machine",
  },
};

describe("refused, in the same words, is", () => {
  test.each(Object.entries(cases))("%s", async (_who, { attempt, why }) => {
    await expect(attempt()).rejects.toMatchObject({
      status: 401,
      code: "unknown-machine",
      message: "This is not a machine that this manager waits for.",
    });
    expect(logged).toMatchObject([{ why, msg: "an enrolment was refused" }]);
  });
});

describe("told to come again is", () => {
  const again = { status: 503, code: "busy", retryAfterSeconds: 5 };
  it("a machine whose launch has not been answered yet", async () => {
    const launch = {
      ...{
        id: "l9",
        backend: "aws",
        worstMicros: 1,
        askedMs: 0,
        sentMs: 0,
        sends: 1,
        is: "in-flight" as const,
      },
      request: { pool: "a", offer: "o", machines: ["p1"] },
    };
    const { [id]: _mine, ...machines } = loop.world().machines;
    start({}, { machines, launches: { l9: launch } });
    await expect(enroll(signed())).rejects.toMatchObject(again);
    start({}, { machines, launches: { l9: { ...launch, is: "settled" } } });
    await expect(enroll(signed())).rejects.toMatchObject({ status: 401 });
  });

  it("a machine that a manager without a fresh list may have forgotten", async () => {
    const { [id]: _mine, ...machines } = loop.world().machines;
    start({}, { machines, views: {} });
    await expect(enroll(signed())).rejects.toMatchObject(again);
    // But not whoever has no good document.
    await expect(enroll(signed({}, foreign))).rejects.toMatchObject({ status: 401 });
  });

  it("everybody, while the manager does not know its own account", async () => {
    knownAccount = null;
    await expect(enroll(signed())).rejects.toMatchObject(again);
    await expect(enroll(signed({}, foreign))).rejects.toMatchObject({ status: 401 });
  });
});
