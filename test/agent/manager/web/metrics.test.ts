import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import type { World } from "../../../../agent/manager/world.ts";
import { makeMetrics } from "../../../../agent/manager/web/metrics.ts";
import { news, player, statistics } from "../history/facts.ts";
import { config, demand, machine, now, registered, world } from "../worlds.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";
import { hostile } from "./hostile.ts";

const make = () => {
  const clock = fakeClock(now);
  const metrics = makeMetrics(quietDeps(clock));
  return { metrics, clock, play: player([{ record: metrics.observeFact }]) };
};
const own = async ({ text }: { text(): Promise<string> }) =>
  (await text()).split("\n").filter((line) => line.startsWith("muster_"));
const values = async (metrics: { text(): Promise<string> }, name: string) =>
  Object.fromEntries(
    (await own(metrics))
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .map((line) => [
        line.slice(name.length, line.lastIndexOf(" ")),
        Number(line.slice(line.lastIndexOf(" "))),
      ]),
  );

describe("gauges", () => {
  it("show which pools must not be used, and how long the login lasts", async () => {
    const { metrics, clock } = make();
    const clash = { reason: "label-clash" as const, detail: "x" };
    const believed: World = {
      ...world({ access: { a: { refusals: [clash, clash], warnings: [] } } }),
      credential: { kind: "token", expiresMs: now + 90_000, warning: null },
    };
    metrics.observeWorld(believed, {}, now);
    clock.advance(30_000);
    expect(await values(metrics, "muster_pool_refused")).toEqual({ '{pool="a",reason="label-clash"}': 1 });
    expect(await values(metrics, "muster_credential_expires_seconds")).toEqual({ '{kind="token"}': 60 });
    metrics.observeWorld(
      { ...world(), credential: { kind: "token", expiresMs: null, warning: null } },
      {},
      now,
    );
    expect(await values(metrics, "muster_pool_refused")).toEqual({});
    expect(await values(metrics, "muster_credential_expires_seconds")).toEqual({});
  });

  it("show the last world at the moment of the scrape", async () => {
    const { metrics, clock } = make();
    const believed: World = {
      ...world({
        config: config({ a: { max: 5 }, b: {} }),
        machines: [
          machine("m1", "busy"),
          machine("m2", "busy"),
          machine("m3", "asked"),
          machine("m4", "done", { pool: "old" }),
        ],
        demand: { a: { ...demand(7, 2), uncounted: 1 } },
      }),
      jobs: {
        j: { id: "j", pool: "a", state: "assigned", queuedMs: now - 30_000 },
        k: { id: "k", pool: "a", state: "running", queuedMs: now - 90_000 },
      } as unknown as World["jobs"],
      circuits: { "quota:vcpu:eu": { is: "open", untilMs: now + 1, reason: "quota", detail: "x", trips: 1 } },
    };
    const max = { reason: "max" as const, detail: "x" };
    metrics.observeWorld(
      believed,
      {
        a: [
          { ...max, jobs: 2 },
          { ...max, jobs: 3 },
        ],
      },
      now,
    );
    clock.advance(10_000);
    expect(await values(metrics, "muster_machines")).toEqual({
      '{pool="a",stage="busy"}': 2,
      '{pool="a",stage="asked"}': 1,
      '{pool="gone",stage="done"}': 1,
    });
    expect(await values(metrics, "muster_jobs_waiting")).toEqual({ '{pool="a"}': 6, '{pool="b"}': 0 });
    expect(await values(metrics, "muster_jobs_running")).toEqual({ '{pool="a"}': 2, '{pool="b"}': 0 });
    expect(await values(metrics, "muster_oldest_waiting_job_seconds")).toEqual({
      '{pool="a"}': 40,
      '{pool="b"}': 0,
    });
    expect(await values(metrics, "muster_refused_jobs")).toEqual({ '{pool="a",reason="max"}': 3 });
    expect(await values(metrics, "muster_circuit_open")).toEqual({
      '{scope="quota",key="vcpu:eu",reason="quota"}': 1,
    });
    expect((await values(metrics, "muster_view_age_seconds"))['{source="demand:a"}']).toBe(11);
    expect(await values(metrics, "muster_launches_in_doubt")).toEqual({ "": 0 });
  });

  it("say what GitHub keeps of machines that are finished with, 0 for every pool that has none", async () => {
    const { metrics } = make();
    const old = { stageMs: now - limits.leakMs };
    const machines = [
      registered("m1", "done", old),
      registered("m2", "lost", old),
      registered("m3", "done", { stageMs: now - limits.leakMs + 1 }),
      registered("m4", "busy", old),
      registered("m5", "done", { ...old, pool: "old" }),
      machine("m6", "done", old),
    ];
    const believed = { ...world({ config: config({ a: {}, b: {} }), machines }), journalWritable: false };
    metrics.observeWorld(believed, {}, now);
    expect(await values(metrics, "muster_runner_records_leaked")).toEqual({
      '{pool="a"}': 2,
      '{pool="b"}': 0,
      '{pool="gone"}': 1,
    });
    expect(await values(metrics, "muster_journal_writable")).toEqual({ "": 0 });
  });

  it("vanish with what they were of", async () => {
    const { metrics } = make();
    metrics.observeWorld(
      world({ config: config({ a: {}, b: {} }), machines: [machine("m1", "busy")] }),
      {},
      now,
    );
    expect((await own(metrics)).join("\n")).toContain('pool="b"');
    metrics.observeWorld(world({ config: config({ a: {} }) }), {}, now);
    const after = (await own(metrics)).join("\n");
    expect(after).not.toContain('pool="b"');
    expect(after).not.toContain("muster_machines{");
  });
});

describe("what happened", () => {
  it("measures queued to running and queued to listening, once a job", async () => {
    const { metrics, play } = make();
    play.seen(now, news("assigned", "j1", { queuedMs: now }));
    play.boot("m1", now + 100, 100);
    play.synced("m1", now + 1_500, "listening");
    play.synced("m1", now + 4_000, "busy", "build");
    const started = news("started", "j1", { queuedMs: now, runner: "m1" });
    play.seen(now + 4_500, started);
    play.seen(now + 4_600, started);
    play.seen(now + 9_000, news("completed", "j1", { runner: "m1", result: "succeeded" }));
    expect(await values(metrics, "muster_job_wait_seconds_sum")).toEqual({ '{pool="a"}': 4 });
    expect(await values(metrics, "muster_job_wait_seconds_count")).toEqual({ '{pool="a"}': 1 });
    expect(await values(metrics, "muster_start_seconds_sum")).toEqual({ '{pool="a"}': 1.5 });
    expect(await values(metrics, "muster_jobs_done_total")).toEqual({ '{pool="a",result="succeeded"}': 1 });
    expect(await values(metrics, "muster_launches_total")).toEqual({ '{pool="a",backend="local"}': 1 });
    expect(await values(metrics, "muster_syncs_total")).toEqual({ '{pool="a"}': 2 });
  });

  it("measures a machine's way: asked to named, to enrolled, asked of GitHub to listening, done to gone, and the job's run", async () => {
    const { metrics, play } = make();
    play.boot("m1", now, 2_000);
    play.synced("m1", now + 9_000, "listening");
    play.synced("m1", now + 10_000, "busy", "build");
    play.seen(now + 10_000, news("started", "j1", { queuedMs: now, runner: "m1" }));
    play.seen(now + 40_000, news("completed", "j1", { runner: "m1", result: "failed" }));
    play.tell({ is: "end-asked", machine: "m1", why: "its job ended", failedBoot: false }, now + 41_000);
    play.tell({ is: "runner-removed", machine: "m1", name: "m1", outcome: "gone" }, now + 42_000);
    for (const at of [44_000, 200_000, 300_000])
      play.tell({ is: "listed", backend: "local", machines: [], startedMs: now + at }, now + at);
    expect(play.world().machines).toEqual({});
    expect(await values(metrics, "muster_launch_seconds_sum")).toEqual({ '{backend="local"}': 2 });
    expect(await values(metrics, "muster_boot_seconds_sum")).toEqual({ '{pool="a"}': 4 });
    expect(await values(metrics, "muster_registration_seconds_sum")).toEqual({ '{pool="a"}': 3.001 });
    expect(await values(metrics, "muster_job_run_seconds_sum")).toEqual({
      '{pool="a",result="failed"}': 30,
    });
    const [seconds] = Object.values(await values(metrics, "muster_removal_seconds_sum"));
    expect(seconds).toBeGreaterThanOrEqual(3);
    expect(await values(metrics, "muster_removal_seconds_count")).toEqual({ '{pool="a"}': 1 });
  });

  it("measures the way of a machine that its backend names itself from when its place was asked for", async () => {
    const { metrics, play } = make();
    const request = { pool: "a", offer: "local", machines: ["a-l1-0", "a-l1-1"] };
    const launch = {
      ...{ id: "l1", backend: "local", request, worstMicros: 0, askedMs: now, sentMs: now, sends: 1 },
      is: "in-flight" as const,
    };
    const asked = { launch: "l1", askedMs: now, stageMs: now, startedMs: null };
    const machines = request.machines.map((id) => machine(id, "asked", asked));
    play.tell({ is: "launch-sent", launch, machines }, now);
    play.tell({ is: "launched", launch: "l1", machines: ["i-1"], failures: [] }, now + 2_000);
    expect(await values(metrics, "muster_launch_seconds_sum")).toEqual({ '{backend="local"}': 2 });
    const host = { arch: "arm64", cores: 4, memoryMb: 1, diskFreeMb: 1, kernel: "" };
    play.tell({ is: "enrolled", machine: "i-1", host }, now + 30_000);
    expect(await values(metrics, "muster_boot_seconds_sum")).toEqual({ '{pool="a"}': 30 });
  });

  it("counts launches that failed or were lost by reason", async () => {
    const { metrics, play } = make();
    play.boot("m1", now, 1);
    const scope = { on: "offer" as const, key: "local" };
    const failure = { reason: "no-capacity" as const, scope, detail: "x", retryAfterMs: null };
    play.tell({ is: "launched", launch: "l-m1", machines: ["m1"], failures: [failure] }, now + 10);
    play.tell(
      { is: "launch-unknown", launch: "l-m1", failure: { ...failure, reason: "unavailable" } },
      now + 20,
    );
    expect(await values(metrics, "muster_launch_failures_total")).toEqual({
      '{backend="local",reason="no-capacity"}': 1,
      '{backend="local",reason="unavailable"}': 1,
    });
  });

  it("counts plans, actions and requests to GitHub", async () => {
    const { metrics, clock } = make();
    metrics.observePlan(0.004);
    const ended = metrics.actionBegan("launch");
    metrics.observeWorld(world(), {}, now);
    clock.advance(2_000);
    expect(await values(metrics, "muster_oldest_action_seconds")).toEqual({ '{kind="launch"}': 2 });
    ended();
    metrics.observeAction("launch", "ok", 2);
    expect(await values(metrics, "muster_oldest_action_seconds")).toEqual({});
    expect(await values(metrics, "muster_action_seconds_sum")).toEqual({
      '{kind="launch",outcome="ok"}': 2,
    });
    metrics.observeGitHubRequest("GET /message", 200);
    metrics.observeGitHubRequest("GET /message", 999);
    expect(await values(metrics, "muster_plan_seconds_count")).toEqual({ "": 1 });
    expect(await values(metrics, "muster_actions_total")).toEqual({ '{kind="launch",outcome="ok"}': 1 });
    expect(await values(metrics, "muster_github_requests_total")).toEqual({
      '{route="GET /message",status="200"}': 1,
      '{route="GET /message",status="0"}': 1,
    });
  });
});

describe("the number of series", () => {
  it("does not grow by 10,000 job names, repositories, results, runners and machines", async () => {
    const { metrics } = make();
    const before = world();
    const told = (index: number, text: string) => {
      const started = news("started", `${text}${index}`, {
        name: text,
        repository: text,
        queuedMs: now,
        runner: text,
      });
      const completed = news("completed", `${text}${index}`, { name: text, result: text, runner: text });
      for (const item of [started, completed]) {
        const fact = {
          is: "demand-seen" as const,
          pool: "a",
          statistics: statistics(),
          news: [item],
          labelsDropped: [],
        };
        const job = {
          ...item,
          pool: "a",
          state: item.is === "started" ? "running" : "completed",
          startedMs: now,
          completedMs: now,
          seenMs: now,
        };
        const after = { ...before, jobs: { [item.id]: job } } as unknown as World;
        metrics.observeFact(fact, before, after, now);
        metrics.observeWorld({ ...after, machines: { m: machine("m", "busy", { id: text }) } }, {}, now);
      }
    };
    told(0, "one");
    const few = (await own(metrics)).length;
    for (let index = 1; index <= 10_000; index++) told(index, `job ${index}`);
    expect((await own(metrics)).length).toBe(few);
  });

  it("is bounded even when a caller breaks its promise", async () => {
    const { metrics } = make();
    for (let index = 0; index < 1_000; index++) metrics.observeGitHubRequest(`GET /runs/${index}`, 200);
    const routes = Object.keys(await values(metrics, "muster_github_requests_total"));
    expect(routes).toHaveLength(65);
    expect(routes).toContain('{route="other",status="200"}');
  });

  it("holds no text of GitHub or agents, whatever it is", async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        const { metrics, play } = make();
        const marked = `XYZZY${text}`;
        play.seen(now, news("assigned", marked, { name: marked, repository: marked, queuedMs: now }));
        play.boot("m1", now, 1, marked);
        play.synced("m1", now + 5, "busy", marked);
        play.seen(now + 9, news("completed", marked, { runner: marked, result: marked }));
        metrics.observeWorld(play.world(), { a: [{ reason: "max", jobs: 1, detail: marked }] }, now);
        const lines = await own(metrics);
        expect(lines.join("\n")).not.toContain("XYZZY");
        for (const line of lines) expect(line).toMatch(/^muster_[a-z_]+(\{[^{}]*\})? [0-9.e+-]+$/);
      }),
      { numRuns: 50 },
    );
  });
});
