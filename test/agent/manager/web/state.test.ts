import { describe, expect, it } from "vitest";
import { openHistory } from "../../../../agent/manager/history/history.ts";
import { stateView, type StateInput } from "../../../../agent/manager/web/state.ts";
import type { Gpu } from "../../../../agent/protocol.ts";
import type { World } from "../../../../agent/manager/world.ts";
import { news, player } from "../history/facts.ts";
import { config, demand, machine, now, registered, report, world } from "../worlds.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";

const meta = { startedMs: now - 5_000, managerBundle: "b", healthy: true, problem: null };
const input = (believed: World, over: Partial<StateInput> = {}): StateInput => ({
  world: believed,
  refusals: {},
  capacity: {},
  history: { jobs: () => [], waits: () => ({}) },
  meta,
  ...over,
});
const jobsOf = (believed: World, over: Partial<StateInput> = {}, atMs = now) =>
  Object.fromEntries(stateView(input(believed, over), atMs).jobs.map((job) => [job.id, job]));

/** A world with jobs in it, each told by GitHub. */
const withJobs = (first: World, ...all: Parameters<typeof news>[]): World => {
  const play = player([], first);
  play.seen(now, ...all.map((each) => news(...each)));
  return play.world();
};

describe("pools", () => {
  it("show GitHub's figures, the plan's reasons and every machine by stage", () => {
    const believed = world({
      config: config({ a: { max: 3, minIdle: 1, reuse: true, labels: ["self-hosted", "ARM64"] } }),
      machines: [registered("m1", "busy"), machine("m2", "asked"), machine("m3", "done")],
      demand: { a: { ...demand(5, 1, { available: 2 }), uncounted: 1 } },
      views: { "demand:a": { is: "stale", atMs: now - 9_000, why: "502" } },
    });
    const reasons = [{ reason: "max" as const, jobs: 4, detail: "The pool a is full." }];
    const waits = { a: { jobs: 3, medianMs: 1, p95Ms: 2, maxMs: 3 } };
    const given = {
      refusals: { a: reasons },
      capacity: { a: 3 },
      history: { jobs: () => [], waits: () => waits },
    };
    const [pool] = stateView(input(believed, given), now).pools;
    expect(pool).toEqual({
      name: "a",
      labels: ["self-hosted", "ARM64"],
      max: 3,
      minIdle: 1,
      reuse: true,
      gpu: null,
      warnings: [],
      waiting: 5,
      available: 2,
      running: 1,
      capacity: 3,
      machines: { busy: 1, asked: 1, done: 1 },
      reasons,
      refused: [],
      github: { is: "stale", atMs: now - 9_000, why: "502" },
      source: null,
      waits: waits.a,
    });
  });

  it("show why they must not be used although no job waits, and what is only worth knowing", () => {
    const refusals = [{ reason: "label-clash" as const, detail: "The set x\u202e has these labels." }];
    const believed = world({ access: { a: { refusals, warnings: ["The set y came later."] } } });
    const [pool] = stateView(input(believed), now).pools;
    expect(pool!.refused[0]!.detail).toMatch(/^The set x.+ has these labels\.$/);
    expect(pool!.refused[0]!.detail).not.toContain("\u202e");
    expect(pool!.warnings).toEqual(["The set y came later."]);
  });

  it("say that GitHub was never heard where nothing is known", () => {
    const believed = { ...world(), views: {} };
    const [pool] = stateView(input(believed), now).pools;
    expect(pool).toMatchObject({ waiting: 0, running: 0, capacity: 0, github: { is: "never", atMs: null } });
    expect(pool).not.toHaveProperty("waits");
  });
});

describe("machines", () => {
  it("are listed by pool and by how near they are to a job", () => {
    const believed = world({
      config: config({ a: {}, b: {} }),
      machines: [
        machine("b1", "busy", { pool: "b" }),
        machine("a3", "asked"),
        machine("a4", "lost", { ending: "the backend no longer lists it" }),
        registered("a2", "listening"),
        registered("a1", "busy"),
      ],
      reports: { a1: report({ problem: "disk is full" }) },
    });
    const { machines } = stateView(input(believed), now);
    expect(machines.map(({ id }) => id)).toEqual(["a1", "a2", "a3", "a4", "b1"]);
    expect(machines[0]).toMatchObject({ runner: "a1", problem: "disk is full", seenMs: now - 500 });
    expect(machines[2]).toMatchObject({ seenMs: null, usage: null, problem: null });
    expect(machines[3]).toMatchObject({ problem: "the backend no longer lists it" });
  });
});

describe("why a job waits", () => {
  const assigned = (id: string, queuedMs: number) =>
    ["assigned", id, { queuedMs, assignedMs: queuedMs }] as Parameters<typeof news>;

  it("names the machine nearest to a job for the one that has waited longest, then what holds up the rest", () => {
    const first = world({
      machines: [machine("m2", "starting", { stageMs: now - 4_000 }), registered("m1", "registered")],
    });
    const believed = withJobs(
      first,
      assigned("late", now - 10),
      assigned("first", now - 30),
      assigned("mid", now - 20),
    );
    const refusals = { a: [{ reason: "max" as const, jobs: 1, detail: "The pool a is at its max." }] };
    const jobs = jobsOf(believed, { refusals });
    expect(jobs["first"]!.waitsFor).toBe("machine m1 is registered; its runner is starting (1 s)");
    expect(jobs["mid"]!.waitsFor).toBe("machine m2 is booting (4 s)");
    expect(jobs["late"]!.waitsFor).toBe("The pool a is at its max.");
  });

  it("says for a job that GitHub still holds back what the pool offered", () => {
    const believed = withJobs(world(), ["queued", "q", { queuedMs: now - 5_000 }]);
    expect(jobsOf(believed, { capacity: { a: 2 } })["q"]).toMatchObject({
      state: "queued",
      waitMs: 5_000,
      waitsFor: "it is still queued at GitHub; the pool offers room for 2",
    });
  });

  it("says that GitHub cannot be heard when nothing else is in the way", () => {
    const believed = withJobs(world(), assigned("j", now - 5));
    const unheard = { ...believed, views: { "demand:a": { is: "stale", atMs: now, why: "429" } } } as World;
    expect(jobsOf(unheard)["j"]!.waitsFor).toBe("GitHub cannot be heard: 429");
  });

  it("is empty once it runs, and the wait stands still", () => {
    const history = openHistory({ path: ":memory:" }, quietDeps(fakeClock(now)));
    const play = player([history]);
    play.seen(now, news("assigned", "j", { queuedMs: now - 3_000 }));
    const waits = jobsOf(play.world(), { history }, now + 1_000)["j"]!;
    expect(waits).toMatchObject({
      state: "assigned",
      waitMs: 4_000,
      waitsFor: "the next plan finds it a machine",
    });
    play.seen(now + 2_000, news("started", "j", { runner: "r" }));
    const runs = jobsOf(play.world(), { history }, now + 9_000)["j"]!;
    expect(runs).toMatchObject({ state: "running", waitMs: 5_000, waitsFor: "" });
    expect(runs.timeline.map(({ step }) => step)).toEqual([
      "queued",
      "assigned",
      "launch asked",
      "started",
      "enrolled",
      "registered",
      "running",
      "done",
    ]);
  });
});

it("shows the world's jobs when the history has lost them, and no more than 500", () => {
  const all = Array.from({ length: 600 }, (_, index) => ["queued", `j${index}`] as Parameters<typeof news>);
  const believed = withJobs(world(), ...all);
  const jobs = stateView(input(believed), now).jobs;
  expect(jobs).toHaveLength(500);
  expect(jobs[0]).toMatchObject({ state: "queued", waitMs: null });
});

it("changes nothing that it was given", () => {
  const believed = world({ machines: [registered("m1", "busy")], demand: { a: demand(1) } });
  expect(() => stateView(input(believed), now)).not.toThrow(); // world() is frozen
});

describe("detail", () => {
  const gpu: Gpu = {
    ...{
      vendor: "nvidia" as const,
      health: "ok" as const,
      model: "NVIDIA T4G",
      driver: "595",
      problem: null,
    },
    ...{ memoryMb: 15_360, memoryUsedMb: 1, utilizationPercent: 2, temperatureC: 3 },
  };
  const usage = { cpuPercent: 1, memoryUsedMb: 1, memoryTotalMb: 2, diskFreeMb: 1, diskTotalMb: 2 };
  const reading = (ms: number | null) => ({
    ...{ host: "api.github.com", ms, proxy: null },
    problem: ms === null ? "the connection was refused" : null,
  });

  it("of a machine: its graphics processors, their labels and the way to GitHub, beside its usage", () => {
    const connect = { api: reading(20), broker: reading(100.1) };
    const believed = world({
      machines: [machine("m1", "enrolled")],
      reports: { m1: report({ usage: { ...usage, gpus: [gpu], connect } }) },
    });
    const [view] = stateView(input(believed), now).machines;
    expect(view).toMatchObject({ usage, gpus: [gpu], gpuLabels: ["gpu", "nvidia", "t4g"] });
    expect(view?.usage).toEqual(usage);
    expect(view?.connect.map(({ is, warning }) => [is, warning])).toEqual([
      ["api", null],
      ["broker", "api.github.com 101 ms, more than the 100 ms that jobs' steps and logs want"],
    ]);
  });

  it("of a job: that the machine which is there for it waits for its graphics processor", () => {
    const waits = (gpus: Gpu[]) => {
      const first = world({
        config: config({ a: { gpu: true } }),
        machines: [machine("m1", "enrolled")],
        reports: { m1: report({ usage: { ...usage, gpus } }) },
        demand: { a: demand(1) },
      });
      return jobsOf(withJobs(first, ["assigned", "j", { queuedMs: now - 5_000 }]))["j"]!.waitsFor;
    };
    expect(waits([gpu])).toBe("machine m1 has enrolled; it is being registered (1 s)");
    expect(waits([{ ...gpu, health: "checking" }])).toBe(
      "machine m1 has enrolled; its graphics processors are being looked at (1 s)",
    );
    expect(waits([{ ...gpu, health: "failed", problem: "no\u202e driver" }])).toBe(
      "machine m1 has enrolled; its NVIDIA T4G does not work (no\\u{202e} driver) (1 s)",
    );
  });

  it("before the first report what the enrolment said, and of an agent that says nothing null", () => {
    const host = { arch: "arm64", cores: 1, memoryMb: 1, diskFreeMb: 1, kernel: "6" };
    const machines = [
      machine("m1", "enrolled", { host: { ...host, gpus: [gpu] } }),
      machine("m2", "enrolled", { host }),
    ];
    const views = stateView(input(world({ machines, reports: {} })), now).machines;
    expect(views.map(({ gpus, connect, usage: used }) => [gpus, connect, used])).toEqual([
      [[gpu], [], null],
      [null, [], null],
    ]);
  });

  it("of the manager: the way to GitHub, with a warning where there is none", () => {
    const { connect } = stateView(
      input(world(), { meta: { ...meta, connect: { api: reading(null) } } }),
      now,
    );
    expect(connect).toMatchObject([
      { is: "api", ms: null, warning: "api.github.com: no connection: the connection was refused" },
    ]);
  });

  it("of a pool: a label that promises what its machines do not have", () => {
    const believed = (gpus: Gpu[]) =>
      world({
        config: config({ a: { labels: ["self-hosted", "gpu"] } }),
        machines: [machine("m1", "enrolled"), machine("m2", "done"), machine("m3", "starting")],
        reports: { m1: report({ usage: { ...usage, gpus } }) },
      });
    const warnings = (gpus: Gpu[]) => stateView(input(believed(gpus)), now).pools[0]?.warnings;
    expect(warnings([])).toEqual([
      expect.stringMatching(/^Its label gpu promises a GPU, and 1 of its 1 machines/),
    ]);
    expect(warnings([gpu])).toEqual([]);
  });
});
