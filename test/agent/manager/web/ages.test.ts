// Goal: whatever stands still is seen to. Method: worlds in which one thing of each kind has not ended.
import { expect, test } from "vitest";
import type { World } from "../../../../agent/manager/world.ts";
import { makeMetrics } from "../../../../agent/manager/web/metrics.ts";
import { config, machine, now, registered, report, world, type Parts } from "../worlds.ts";
import { fakeClock, quietDeps } from "./fake-deps.ts";

const series = async (believed: World, afterMs = 0) => {
  const clock = fakeClock(now);
  const metrics = makeMetrics(quietDeps(clock));
  metrics.observeWorld(believed, {}, now);
  clock.advance(afterMs);
  const lines = (await metrics.text()).split("\n").filter((line) => line.startsWith("muster_"));
  return (name: string) =>
    lines.filter((line) => line.startsWith(name)).map((line) => line.slice(name.length));
};
const at = (parts: Parts, more: Partial<World> = {}) =>
  series({ ...world({ config: config({ a: {} }), ...parts }), ...more });

const job = (id: string, state: string, queuedMs: number) =>
  ({ id, pool: "a", state, queuedMs, startedMs: state === "running" ? queuedMs + 1_000 : null }) as const;
const jobs = (...all: ReturnType<typeof job>[]) =>
  Object.fromEntries(all.map((each) => [each.id, each])) as unknown as World["jobs"];

test("a job that waits; runners that listen are for the oldest", async () => {
  const waiting = jobs(job("1", "queued", now - 50_000), job("2", "assigned", now - 20_000));
  const none = await at({}, { jobs: waiting });
  expect(none("muster_oldest_waiting_job_seconds")).toEqual(['{pool="a"} 50']);
  expect(none("muster_oldest_unstarted_job_seconds")).toEqual(['{pool="a"} 50']);
  const one = await at({ machines: [registered("m1", "listening")] }, { jobs: waiting });
  expect(one("muster_oldest_waiting_job_seconds")).toEqual(['{pool="a"} 50']);
  expect(one("muster_oldest_unstarted_job_seconds")).toEqual(['{pool="a"} 20']);
});

test("a job that runs", async () => {
  const shown = await at({}, { jobs: jobs(job("1", "running", now - 61_000)) });
  expect(shown("muster_longest_running_job_seconds")).toEqual(['{pool="a"} 60']);
});

test("a launch without an answer, also a lost one; an answered one is none", async () => {
  const launch = (id: string, is: string, askedMs: number) => [id, { id, is, askedMs, backend: "local" }];
  const launches = Object.fromEntries([
    launch("1", "in-flight", now - 3_000),
    launch("2", "unknown", now - 8_000),
    launch("3", "settled", now - 90_000),
  ]) as World["launches"];
  expect((await at({ launches }))("muster_oldest_launch_seconds")).toEqual(['{backend="local"} 8']);
});

test("a machine that boots, a registration that does not listen, a machine that does not go", async () => {
  const machines = [
    machine("m1", "starting", { askedMs: now - 40_000 }),
    registered("m2", "registered"),
    machine("m3", "done", { stageMs: now - 7_000 }),
    machine("m4", "lost", { stageMs: now - 9_000 }),
  ];
  const shown = await at({ machines });
  expect(shown("muster_oldest_booting_machine_seconds")).toEqual(['{pool="a"} 40']);
  expect(shown("muster_oldest_registration_seconds")).toEqual(['{pool="a"} 1']);
  expect(shown("muster_oldest_removal_seconds")).toEqual(['{pool="a"} 9']);
});

test("an agent that is silent; one that never spoke counts from its enrolment", async () => {
  const heard = await at({
    machines: [machine("m1", "busy"), machine("m2", "busy", { enrolledMs: now - 33_000 })],
    reports: { m1: report({ atMs: now - 12_000 }) },
  });
  expect(heard("muster_oldest_sync_seconds")).toEqual(['{pool="a"} 33']);
  const finished = await at({ machines: [machine("m1", "done", { enrolledMs: now - 33_000 })] });
  expect(finished("muster_oldest_sync_seconds")).toEqual(['{pool="a"} 0']);
});

test("a manager that plans no more", async () => {
  const shown = await series(world(), 25_000);
  expect(shown("muster_plan_age_seconds")).toEqual([" 25"]);
});

test("nothing under way is 0 for each pool, not nothing: a series that vanishes looks like a silent manager", async () => {
  const shown = await at({ config: config({ a: {}, b: {} }) });
  for (const name of ["waiting_job", "booting_machine", "registration", "removal", "sync"])
    expect(shown(`muster_oldest_${name}_seconds`), name).toEqual(['{pool="a"} 0', '{pool="b"} 0']);
});
