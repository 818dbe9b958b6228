import { describe, expect, test } from "vitest";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { plan } from "../../../../agent/manager/plan.ts";
import type { MachineJob, World } from "../../../../agent/manager/world.ts";
import { after, entry, listed, news, said, seen, synced } from "../facts.ts";
import { config, loss, now, registered, report, world } from "../worlds.ts";

const job = (over: Partial<MachineJob> = {}): MachineJob => ({
  name: "build",
  startedMs: now - 60_000,
  startedAtGitHub: true,
  completedMs: null,
  jobId: "j1",
  runner: "m1",
  from: { repository: "acme/widgets", run: 7 },
  ...over,
});
const busy = (over: Partial<Parameters<typeof world>[0]> = {}, its: Partial<MachineJob> = {}): World =>
  world({
    machines: [registered("m1", "busy", { job: job(its), stageMs: now - 60_000 })],
    reports: { m1: report({ phase: "busy", atMs: now - 20_000 }) },
    ...over,
  });
const end = { why: "interrupted: EC2 took it back", interrupted: true, gone: true };
const taken = listed([entry("m1", { running: false, end })]);
const failure = {
  reason: "unavailable",
  scope: { on: "github", key: "a" },
  detail: "503",
  retryAfterMs: null,
} as const;

describe("a loss", () => {
  test("is the cloud's word and a job that had not ended", () => {
    expect(after(busy(), taken).losses.m1).toMatchObject({
      ...{ name: "build", repository: "acme/widgets", run: 7, reason: "rerun-waits" },
      why: "interrupted: EC2 took it back",
    });
  });

  test.each([
    [
      "the machine stopped by itself",
      listed([entry("m1", { running: false, end: { ...end, interrupted: false } })]),
    ],
    ["its agent says that it ended", synced("m1", said("ended"))],
    ["it is gone from the list", listed([])],
  ])("is not noted where %s", (_what, fact) => expect(after(busy(), fact).losses).toEqual({}));

  test("is noted also where the agent's last words came first", () =>
    expect(after(busy(), synced("m1", said("ended")), taken).losses).toHaveProperty("m1"));

  test("is none where the job had ended: with success, or long before with its agent still heard", () => {
    const done = seen([news("completed", { runner: "m1", result: "succeeded" })]);
    expect(after(busy(), done, taken).losses).toEqual({});
    const reports = { m1: report({ phase: "ready", atMs: now - 1_000 }) };
    expect(after(busy({ reports }, { completedMs: now - limits.lossWindowMs - 1 }), taken).losses).toEqual(
      {},
    );
    expect(after(busy({}, { completedMs: now - 10_000 }), taken).losses).toHaveProperty("m1");
  });

  test("is none in a pool that says never, or that is gone", () => {
    expect(after(busy({ config: config({ a: { rerun: "never" } }) }), taken).losses).toEqual({});
    expect(after(busy({ config: config({ b: {} }) }), taken).losses).toEqual({});
  });

  test("that waits is left when its pool comes to say never", () => {
    const changed = config({ a: { rerun: "never" } });
    const fact = { is: "settings-changed", config: changed, hash: "x", offers: {}, recipes: {} } as const;
    expect(after(after(busy(), taken), fact).losses.m1).toMatchObject({ reason: "rerun-left" });
  });

  test("of which GitHub never names the run is left after a day", () => {
    const losses = {
      m1: loss("m1", { run: null, repository: null, lostMs: now - limits.lossUnnamedMs - 1 }),
    };
    expect(after(world({ losses }), listed([])).losses.m1).toMatchObject({ reason: "rerun-left" });
  });

  test("that was decided is forgotten a week later, not sooner", () => {
    const old = (ms: number) => ({ m1: loss("m1", { reason: "rerun-made", sinceMs: now - ms }) });
    expect(after(world({ losses: old(limits.lossKeptMs + 1) }), listed([])).losses).toEqual({});
    expect(after(world({ losses: old(limits.lossKeptMs - 1) }), listed([])).losses).toHaveProperty("m1");
  });
});

describe("looks", () => {
  const asks = (losses: World["losses"], parts: Partial<Parameters<typeof world>[0]> = {}) =>
    plan(world({ losses, ...parts }), now, limits).actions.filter((action) => action.do === "rerun");

  test("are one for each run that is due", () => {
    const losses = {
      m1: loss("m1"),
      m2: loss("m2"),
      m3: loss("m3", { run: 8 }),
      m4: loss("m4", { lookMs: now + 1, run: 9 }),
    };
    expect(asks(losses).map(({ key }) => key)).toEqual(["rerun:acme/widgets#7", "rerun:acme/widgets#8"]);
  });

  test("wait while a call to the same run is out or in doubt", () => {
    const sent = loss("m2", { askedMs: now - 1_000, sends: 1, lookMs: now + 60_000 });
    expect(asks({ m1: loss("m1"), m2: sent })).toEqual([]);
  });

  test("are none of a draining pool", () => expect(asks({ m1: loss("m1") }, { draining: true })).toEqual([]));

  test("come soon after a job of the run ended, and later each time in vain", () => {
    const waits = { m1: loss("m1", { lookMs: now + 200_000, looks: 5 }) };
    const heard = after(world({ losses: waits }), seen([news("completed", { workflowRun: 7, runner: "x" })]));
    expect(heard.losses.m1).toMatchObject({ looks: 0, lookMs: now + limits.rerunNewsMs });
    const vain = {
      is: "rerun-failed",
      losses: ["m1"],
      failure,
      sent: false,
      certain: true,
      busy: false,
    } as const;
    expect(after(world({ losses: { m1: loss("m1", { looks: 2 }) } }), vain).losses.m1).toMatchObject({
      looks: 3,
      lookMs: now + 4 * limits.rerunPauseMs,
    });
  });
});

test("a call that may have had an effect is remembered as asked; one that had none is not", () => {
  const asked = after(world({ losses: { m1: loss("m1") } }), { is: "rerun-asked", losses: ["m1"] });
  expect(asked.losses.m1).toMatchObject({ askedMs: now, sends: 1, lookMs: now + limits.rerunSettleMs });
  const fails = (certain: boolean) =>
    after(asked, { is: "rerun-failed", losses: ["m1"], failure, sent: true, certain, busy: certain });
  expect(fails(false).losses.m1).toMatchObject({
    askedMs: now,
    sends: 1,
    lookMs: now + limits.rerunSettleMs,
  });
  expect(fails(true).losses.m1).toMatchObject({ askedMs: null, sends: 0, reason: "rerun-waits" });
});
