// Goal: each fact changes just what it should, late, repeated and crossed facts included.
import { describe, expect, test } from "vitest";
import { apply } from "../../../agent/manager/apply.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import type { Fact, JobNews, ListedMachine } from "../../../agent/manager/facts.ts";
import type { World } from "../../../agent/manager/world.ts";
import { config, deepFreeze, demand, machine, now, registered, report, world } from "./worlds.ts";

const after = (start: World, ...facts: Fact[]) =>
  facts.reduce((at, fact) => deepFreeze(apply(at, fact, now, limits)), start);
const entry = (id: string, over: Partial<ListedMachine> = {}): ListedMachine => ({
  id,
  pool: "a",
  launch: "l0",
  offer: "local",
  startedMs: now - 1_000,
  running: true,
  ...over,
});
const listed = (machines: ListedMachine[], startedMs = now): Fact => ({
  is: "listed",
  backend: "local",
  machines,
  startedMs,
});
const synced = (id: string, over: Partial<Extract<Fact, { is: "synced" }>> = {}): Fact => ({
  is: "synced",
  machine: id,
  life: 1,
  done: 0,
  job: null,
  report: { sequence: 2, phase: "ready", lastLife: null, problem: null, usage: null },
  ...over,
});
const said = (
  phase: "ready" | "listening" | "busy" | "ended",
  lastLife: { ranJob: boolean; code?: number } | null = null,
) => ({
  report: {
    sequence: 2,
    phase,
    lastLife: lastLife && {
      life: 1,
      code: lastLife.code ?? 0,
      ranJob: lastLife.ranJob,
      result: lastLife.ranJob ? "Succeeded" : null,
    },
    problem: null,
    usage: null,
  },
});
const news = (is: JobNews["is"], over: Partial<JobNews> = {}): JobNews => ({
  is,
  id: "j1",
  name: "build",
  repository: "acme/widgets",
  workflowRun: 1,
  workflowRef: "",
  queuedMs: now,
  assignedMs: null,
  runner: null,
  result: null,
  ...over,
});
const seen = (items: JobNews[], assigned = 1, running = 0): Fact => ({
  is: "demand-seen",
  pool: "a",
  statistics: demand(assigned, running).statistics,
  news: items,
  labelsDropped: [],
});

describe("a list", () => {
  test("one list that lacks a machine ends nothing; two, ten seconds apart, make it lost and gone", () => {
    const old = machine("m1", "enrolled", { startedMs: now - 100_000 });
    const once = after(world({ machines: [old] }), listed([]));
    expect(once.machines.m1?.stage).toBe("enrolled");
    const soon = after(once, listed([], now + 9_999));
    expect(soon.machines.m1?.stage).toBe("enrolled");
    // Gone from the backend, and GitHub never had a record: nothing is left to remember.
    expect(after(once, listed([], now + 10_000)).machines.m1).toBeUndefined();
  });

  test("a young machine may be missing", () => {
    const young = machine("m1", "starting", { startedMs: now - 1_000 });
    expect(after(world({ machines: [young] }), listed([]), listed([], now + 20_000)).machines.m1?.stage).toBe(
      "starting",
    );
  });

  test("a machine whose launch is in doubt counts until the doubt is over", () => {
    const launch = {
      id: "l0",
      backend: "local",
      request: { pool: "a", offer: "local", machines: ["m1"] },
      worstMicros: 0,
      askedMs: now,
      sentMs: now,
      sends: 1,
      is: "unknown" as const,
    };
    const start = world({
      machines: [machine("m1", "asked", { startedMs: null })],
      launches: { l0: launch },
    });
    const early = now + limits.unknownSettleMs + limits.visibilityGraceMs - 1;
    expect(after(start, listed([], early - 20_000), listed([], early)).machines.m1?.stage).toBe("asked");
    expect(after(start, listed([], early + 1), listed([], early + 20_000)).machines.m1).toBeUndefined();
  });

  test("a failed list removes nothing and makes the view stale, with its age kept", () => {
    const start = world({ machines: [machine("m1", "enrolled")] });
    const failure = {
      reason: "unavailable",
      scope: { on: "backend", key: "local" },
      detail: "EIO",
      retryAfterMs: null,
    } as const;
    const next = after(start, { is: "list-failed", backend: "local", failure });
    expect(next.machines).toEqual(start.machines);
    expect(next.views["backend:local"]).toEqual({ is: "stale", atMs: now - 1_000, why: "EIO" });
  });

  test("an older list that comes late changes nothing", () => {
    const start = world({ machines: [machine("m1", "enrolled", { startedMs: now - 1e6 })] });
    expect(after(start, listed([], now - 2_000)).machines).toEqual(start.machines);
  });

  test("an unknown machine with our tags is adopted as spent, one of a known launch is not spent", () => {
    expect(after(world(), listed([entry("m9", { launch: "lx" })])).machines.m9).toMatchObject({
      stage: "starting",
      spent: true,
    });
  });

  test("a machine that stopped by itself is lost after its last words had time to come", () => {
    const start = world({
      machines: [machine("m1", "enrolled", { stageMs: now - 9_000 })],
      reports: { m1: report({ atMs: now - limits.stoppedGraceMs }) },
    });
    expect(after(start, listed([entry("m1", { running: false })])).machines.m1?.stage).toBe("lost");
    const heard = { ...start, reports: { m1: report({ atMs: now - limits.stoppedGraceMs + 1 }) } };
    expect(after(heard, listed([entry("m1", { running: false })])).machines.m1?.stage).toBe("enrolled");
  });

  test("a finished machine is forgotten only when it is gone and its record is", () => {
    const done = registered("m1", "done", { destroyAskedMs: now - 500, stageMs: now - 5_000 });
    const gone = after(world({ machines: [done] }), listed([]));
    expect(gone.machines.m1).toMatchObject({ gone: true });
    expect(
      after(gone, { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" }).machines.m1,
    ).toBeUndefined();
  });
});

describe("a launch", () => {
  const launch = {
    id: "l1",
    backend: "local",
    request: { pool: "a", offer: "local", machines: ["m1", "m2"] },
    worstMicros: 0,
    askedMs: now,
    sentMs: now,
    sends: 1,
    is: "in-flight" as const,
  };
  const asked = (id: string) => machine(id, "asked", { launch: "l1", startedMs: null });
  const sent = after(world(), { is: "launch-sent", launch, machines: [asked("m1"), asked("m2")] });
  const full = {
    reason: "no-capacity",
    scope: { on: "offer", key: "local" },
    detail: "full",
    retryAfterMs: null,
  } as const;

  test("a partial answer keeps what came and closes what was full", () => {
    const next = after(sent, { is: "launched", launch: "l1", machines: ["m1"], failures: [full] });
    expect(Object.keys(next.machines)).toEqual(["m1"]);
    expect(next.circuits["offer:local"]).toMatchObject({ is: "open", reason: "no-capacity" });
  });

  test("a lost answer keeps all of them", () => {
    const next = after(sent, {
      is: "launch-unknown",
      launch: "l1",
      failure: { ...full, reason: "unavailable" },
    });
    expect([Object.keys(next.machines), next.launches.l1?.is]).toEqual([["m1", "m2"], "unknown"]);
  });

  test("machines that an answer does not name, but which already enrolled, stay", () => {
    const host = { arch: "x64", cores: 1, memoryMb: 1, diskFreeMb: 1, kernel: "" };
    const next = after(
      sent,
      { is: "enrolled", machine: "m2", host },
      { is: "launched", launch: "l1", machines: ["m1"], failures: [] },
    );
    expect(Object.keys(next.machines)).toEqual(["m1", "m2"]);
  });

  test("a probe is marked when it is sent and closes the circuit when it brings a machine", () => {
    const open = {
      "offer:local": { is: "open", untilMs: now, reason: "no-capacity", detail: "full", trips: 1 } as const,
    };
    const probing = after(world({ circuits: open }), { is: "launch-sent", launch, machines: [asked("m1")] });
    expect(probing.circuits["offer:local"]).toMatchObject({ is: "probing", by: "l1" });
    expect(after(probing, { is: "launched", launch: "l1", machines: ["m1"], failures: [] }).circuits).toEqual(
      {},
    );
  });
});

describe("an agent's word", () => {
  test("a registered machine listens, works, and is done after its job", () => {
    let at = world({ machines: [registered("m1", "registered")] });
    at = after(at, synced("m1", said("listening")));
    expect(at.machines.m1?.stage).toBe("listening");
    at = after(at, synced("m1", { ...said("busy"), job: "build" }));
    expect(at.machines.m1).toMatchObject({ stage: "busy", job: { name: "build", startedAtGitHub: false } });
    at = after(at, synced("m1", said("ready", { ranJob: true })));
    expect(at.machines.m1).toMatchObject({ stage: "done", ending: "its job ended", order: { do: "end" } });
  });

  test("on a pool with reuse the machine waits for its next registration instead", () => {
    const start = world({ config: config({ a: { reuse: true } }), machines: [registered("m1", "busy")] });
    expect(after(start, synced("m1", said("ready", { ranJob: true }))).machines.m1).toMatchObject({
      stage: "enrolled",
      order: null,
    });
  });

  test("a Listener that ends without a job finishes its machine; two of them close the recipe", () => {
    const start = world({ machines: [registered("m1", "listening"), registered("m2", "listening")] });
    const once = after(start, synced("m1", said("ready", { ranJob: false })));
    expect([once.machines.m1?.stage, once.circuits["recipe:a/local"]]).toEqual(["done", undefined]);
    const twice = after(once, synced("m2", said("ready", { ranJob: false })));
    expect(twice.circuits["recipe:a/local"]).toMatchObject({ is: "open", reason: "registration-removed" });
  });

  test("an agent cannot bring a finished machine back", () => {
    const start = world({ machines: [registered("m1", "done")] });
    expect(after(start, synced("m1", { ...said("busy"), job: "x" })).machines.m1?.stage).toBe("done");
  });

  test("a sync without news leaves the machines as they are, identity included", () => {
    const start = world({ machines: [machine("m1", "enrolled")] });
    expect(after(start, synced("m1", { life: 0 })).machines).toBe(start.machines);
  });
});

describe("idle races (the DELETE between delivered and acquired)", () => {
  const retiring = () =>
    after(world({ machines: [registered("m1", "listening")] }), { is: "retire-asked", machine: "m1" });

  test("refused: the machine serves its job", () => {
    expect(
      after(retiring(), { is: "runner-removed", machine: "m1", name: "m1", outcome: "busy" }).machines.m1
        ?.stage,
    ).toBe("busy");
  });
  test("accepted and nothing starts: the machine drains, then is done", () => {
    const gone = after(retiring(), { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" });
    expect(gone.machines.m1).toMatchObject({ stage: "retiring", order: { do: "drain", graceSeconds: 10 } });
    expect(
      after(gone, synced("m1", { ...said("ready", { ranJob: false }), done: 1 })).machines.m1,
    ).toMatchObject({ stage: "done", ending: "it was idle" });
    expect(after(gone, synced("m1", { ...said("ready", { ranJob: false }), done: 1 })).circuits).toEqual({});
  });
  test("accepted although the job starts: it finishes", () => {
    const gone = after(retiring(), { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" });
    expect(after(gone, synced("m1", { ...said("busy"), job: "build" })).machines.m1?.stage).toBe("busy");
  });
});

describe("a mint", () => {
  const enrolled = world({ machines: [machine("m1", "enrolled")] });
  const asked = after(enrolled, { is: "mint-asked", machine: "m1", name: "m1", life: 1 });
  const failure = {
    reason: "unavailable",
    scope: { on: "github", key: "a" },
    detail: "503",
    retryAfterMs: null,
  } as const;

  test("its answer orders the run", () => {
    expect(
      after(asked, { is: "minted", machine: "m1", life: 1, runnerId: 9, name: "m1" }).machines.m1?.order,
    ).toEqual({ id: 1, do: "run", life: 1, runnerName: "m1" });
  });
  test("a lost answer keeps the name until GitHub has no record of it", () => {
    const lost = after(asked, { is: "mint-failed", machine: "m1", life: 1, failure, unknown: true });
    expect(lost.machines.m1).toMatchObject({ stage: "enrolled", registration: { name: "m1" } });
    expect(
      after(lost, { is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" }).machines.m1
        ?.registration,
    ).toBeNull();
  });
  test("a refusal frees the machine at once", () => {
    expect(
      after(asked, {
        is: "mint-failed",
        machine: "m1",
        life: 1,
        failure: { ...failure, reason: "throttled" },
        unknown: false,
      }).machines.m1,
    ).toMatchObject({ stage: "enrolled", registration: null, life: 1 });
  });
  test("an answer for a machine that is finished with orders nothing", () => {
    const ended = after(asked, { is: "end-asked", machine: "m1", why: "x", failedBoot: false });
    expect(
      after(ended, { is: "minted", machine: "m1", life: 1, runnerId: 9, name: "m1" }).machines.m1,
    ).toMatchObject({ stage: "done", order: { do: "end" }, registration: { id: 9 } });
  });
});

describe("GitHub's messages", () => {
  test("JobStarted names the machine by its registration, and its agent may say so later", () => {
    const next = after(
      world({ machines: [registered("m1", "listening")] }),
      seen([news("started", { runner: "m1" })], 1, 1),
    );
    expect(next.machines.m1).toMatchObject({ stage: "busy", job: { jobId: "j1", startedAtGitHub: true } });
  });
  test("replayed and crossed messages leave a job's state where it was", () => {
    const done = after(
      world(),
      seen([news("assigned"), news("started", { runner: "m1" }), news("completed", { result: "succeeded" })]),
    );
    expect(after(done, seen([news("assigned"), news("started", { runner: "m1" })])).jobs.j1).toMatchObject({
      state: "completed",
      result: "succeeded",
    });
  });
  test("a job that GitHub took back and assigned again waits again", () => {
    const back = after(
      world(),
      seen([news("assigned")]),
      seen([news("completed", { result: "canceled" })]),
      seen([news("assigned")]),
    );
    expect(back.jobs.j1).toMatchObject({ state: "assigned", result: null });
  });
  test("JobAssigned beside figures of 0 is counted until the next figures", () => {
    const told = after(world(), seen([news("assigned")], 0));
    expect(told.demand.a?.uncounted).toBe(1);
    expect(after(told, seen([news("completed", { result: "canceled" })], 0)).demand.a?.uncounted).toBe(0);
  });
  test("a pool that is not in the settings is ignored", () => {
    const start = world();
    expect(after(start, { ...seen([news("assigned")]), pool: "z" } as Fact).demand).toEqual({});
  });
});

describe("settings", () => {
  test("new settings close what new settings can cure, and keep other pauses", () => {
    const open = (reason: "denied" | "no-capacity") =>
      ({ is: "open", untilMs: now + 1, reason, detail: "", trips: 1 }) as const;
    const start = world({ circuits: { "backend:x": open("denied"), "offer:x": open("no-capacity") } });
    const next = after(start, {
      is: "settings-changed",
      config: config(),
      hash: "new",
      offers: {},
      recipes: {},
    });
    expect(Object.keys(next.circuits)).toEqual(["offer:x"]);
  });
});
