/** What reading costs, and what is believed while it fails. */
import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { makeQuota } from "../../../../../agent/manager/github/queued/quota.ts";
import { defaultTimings } from "../../../../../agent/manager/github/timings.ts";
import { clock as virtual, eventually, signal } from "../harness.ts";
import { jobs, type World } from "../world.ts";
import { looks, passing, queuedHarness, queuedWorld } from "./queued-world.ts";

const used = async ({ sim }: Pick<World, "sim">) => {
  const headers = { authorization: `Bearer ${sim.token}` };
  const answer = await fetch(`${sim.apiUrl}/rate_limit`, { headers });
  return ((await answer.json()) as { rate: { used: number } }).rate.used;
};
const figures = (made: World, wanted: object) =>
  eventually(() => expect(made.lastStatistics()).toMatchObject(wanted));

test("what has not changed is asked for by its ETag and costs no quota", async () => {
  const made = await queuedWorld();
  made.github.capacity("a", 5);
  await made.sim.control.dispatchJobs(jobs(3));
  await figures(made, { assigned: 3 });
  await looks(made, 3);
  const before = await used(made);
  const calls = made.sim.control.calls()["rest.runs"]!;
  await looks(made, 10);
  expect(made.sim.control.calls()["rest.runs"]!).toBeGreaterThanOrEqual(calls + 25);
  expect(await used(made)).toBe(before);
});

test.each([
  ["a list fails", { kind: "status", on: "rest.runs", status: 500 }],
  ["a run's jobs fail", { kind: "status", on: "rest.run-jobs", status: 500 }],
  ["answers are cut", { kind: "lost-answer", on: "rest.run*" }],
  ["answers are no JSON of runs", { kind: "status", on: "rest.runs", status: 200, body: "{}" }],
] as const)("%s: the demand stays, and it is said that GitHub cannot be heard", async (_name, fault) => {
  const made = await queuedWorld();
  made.github.capacity("a", 5);
  await made.sim.control.dispatchJobs(jobs(2));
  await figures(made, { assigned: 2 });
  const seen = made.seen().length;
  made.sim.control.setFault(fault);
  await eventually(() => expect(made.failed().length).toBeGreaterThan(1));
  expect(
    made
      .seen()
      .slice(seen + 1)
      .every(({ statistics }) => statistics.assigned === 2),
  ).toBe(true);
  // Nothing is told on figures that are not fresh: a new capacity waits for an answer.
  const told = made.seen().length;
  made.github.capacity("a", 1);
  expect(made.seen()).toHaveLength(told);
  made.sim.control.clearFaults();
  await figures(made, { assigned: 1, available: 1 });
  expect(made.news().filter(({ is }) => is === "completed")).toEqual([]);
});

test("a single read that fails on the way is no news", async () => {
  const made = await queuedWorld();
  await looks(made);
  made.sim.control.setFault({ kind: "reset", on: "rest.runs", count: 1 });
  await looks(made, 5);
  expect(made.failed()).toEqual([]);
});

test("missing rights are named with the cure: Actions read", async () => {
  const tokens = [{ token: "ghp_nothing_but_runners", permissions: { administration: "write" } as const }];
  const made = await queuedWorld({ tokens }, { secrets: { githubToken: "ghp_nothing_but_runners" } });
  await eventually(() => expect(made.failed()).not.toHaveLength(0));
  expect(made.failed()[0]!.failure).toMatchObject({
    reason: "denied",
    detail: expect.stringContaining("Actions: read") as string,
  });
  expect(made.seen()).toEqual([]);
});

test("an App asks for the rights that are needed, and lists the repositories of its installation", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const permissions = {
    organization_self_hosted_runners: "write",
    actions: "read",
    metadata: "read",
  } as const;
  const installations = [{ id: 815, account: "acme", permissions }];
  const repositories = [
    { owner: "acme", name: "widgets" },
    { owner: "acme", name: "gadgets" },
    { owner: "other", name: "things" },
  ];
  const made = await queuedWorld({ apps: [{ id: 12, publicKey, installations }], repositories });
  const organisation = queuedHarness(made.sim, {
    url: made.sim.organizationUrl,
    login: { kind: "app", appId: 12, installationId: 815 },
    secrets: { githubAppKey: privateKey },
  });
  organisation.github.start(organisation.config);
  organisation.github.capacity("a", 5);
  await made.sim.control.dispatchJobs(jobs(1), "acme/gadgets");
  await made.sim.control.dispatchJobs(jobs(1), "other/things");
  await eventually(() => expect(organisation.lastStatistics()).toMatchObject({ assigned: 1 }));
  expect(organisation.news()).toMatchObject([{ repository: "acme/gadgets" }]);
  await organisation.github.mint("a", "runner-1", signal());
  expect(made.sim.control.calls()["rest.installation-repositories"]).toBe(1);
  expect(organisation.failed()).toEqual([]);
});

test("an organisation: quiet repositories are read rarely, those with runs at the full pace, and one that fails holds up no other", async () => {
  const repositories = [
    ...Array.from({ length: 130 }, (_, index) => ({ owner: "acme", name: `quiet-${index}` })),
    { owner: "acme", name: "busy" },
    { owner: "acme", name: "old", archived: true },
  ];
  const made = await queuedWorld({ repositories });
  const organisation = queuedHarness(made.sim, { url: made.sim.organizationUrl });
  made.sim.control.setFault({ kind: "status", on: "GET /api/v3/repos/acme/quiet-7/*", status: 403 });
  await made.sim.control.dispatchJobs(jobs(1), "acme/busy");
  organisation.github.start(organisation.config);
  organisation.github.capacity("a", 5);
  await eventually(() => expect(organisation.lastStatistics()).toMatchObject({ assigned: 1 }));
  const warned = organisation.lines.filter((line) => line.includes("acme/quiet-7"));
  expect(warned).toHaveLength(1);
  expect(organisation.lines.join()).not.toContain("acme/old");
  // The other reader of this simulator would be counted too.
  await made.github.stop();
  const before = made.sim.control.calls()["rest.runs"]!;
  await looks({ seen: organisation.seen } as World, 10);
  // Three lists of one repository a look, not of 130.
  expect(made.sim.control.calls()["rest.runs"]! - before).toBeLessThan(10 * 3 * 5);
  expect(organisation.failed()).toEqual([]);
});

test.each([
  ["the hour's quota is used up", "rate-limit-exhausted", 60 * 60_000],
  ["the secondary limit refuses", "secondary-limit", 60_000],
] as const)(
  "%s: nothing is asked before GitHub allows it",
  async (_name, kind, waitMs) => {
    const clock = virtual();
    const slow = { queuedBusyMs: 1_000, queuedIdleMs: 1_000, queuedRunMs: 1_000, queuedMsMax: 1_000 };
    const made = await queuedWorld({ clock, rateLimit: 5_000 }, { clock, timings: slow });
    expect(await passing(clock, made, 10_000, () => made.seen().length > 1)).toBe(true);
    made.sim.control.setFault({ kind, count: 1 });
    expect(await passing(clock, made, 10_000, () => made.failed().length === 1)).toBe(true);
    expect(made.failed()[0]!.failure.reason).toBe("throttled");
    const failedMs = clock.now();
    const seen = made.seen().length;
    const calls = made.sim.control.calls()["rest.runs"]!;
    // Of an hour ten minutes are believed at a time.
    const believed = Math.min(waitMs, 10 * 60_000) - 10_000;
    await passing(clock, made, believed, undefined, 10_000);
    expect(made.sim.control.calls()["rest.runs"]).toBe(calls);
    expect(await passing(clock, made, waitMs + 600_000, () => made.seen().length > seen, 20_000)).toBe(true);
    expect(clock.now() - failedMs).toBeGreaterThanOrEqual(waitMs - 10_000);
  },
  60_000,
);

test("the pace: three requests each 6 s when idle, four each 3 s while 50 jobs of a run wait, slower when the quota gets low", async () => {
  const clock = virtual();
  const { queuedBusyMs, queuedIdleMs, queuedRunMs, queuedMsMax, readsPerMinute } = defaultTimings;
  const made = await queuedWorld(
    { clock, rateLimit: 5_000, pointsPerMinute: 900 },
    { clock, timings: { queuedBusyMs, queuedIdleMs, queuedRunMs, queuedMsMax, readsPerMinute } },
  );
  const reads = () => {
    const { "rest.runs": runs = 0, "rest.run-jobs": ofRuns = 0 } = made.sim.control.calls();
    return runs + ofRuns;
  };
  const perMinute = async () => {
    const before = reads();
    await passing(clock, made, 60_000);
    return reads() - before;
  };
  await passing(clock, made, 10_000, () => made.seen().length > 0);
  const idle = await perMinute();
  made.github.capacity("a", 50);
  await made.sim.control.dispatchJobs(jobs(50));
  expect(await passing(clock, made, 10_000, () => made.lastStatistics()?.assigned === 50)).toBe(true);
  const busy = await perMinute();
  // 30 and 64 to 80, but for what the steps of this time take away.
  expect(idle).toBeGreaterThanOrEqual(15);
  expect(idle).toBeLessThanOrEqual(33);
  expect(busy).toBeGreaterThan(idle);
  expect(busy).toBeLessThanOrEqual(80);
  // Nearly used up, with half an hour to go, and every answer a new one.
  const left = { "x-ratelimit-limit": "5000", "x-ratelimit-remaining": "510" };
  const reset = { "x-ratelimit-reset": String(Math.round(clock.now() / 1_000) + 1_800) };
  const quota = makeQuota(defaultTimings, { clock });
  quota.seen((name) => ({ ...left, ...reset })[name as "x-ratelimit-limit"] ?? null);
  expect(quota.pauseMs(1)).toBeGreaterThan(30_000);
}, 60_000);
