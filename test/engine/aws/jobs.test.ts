/**
 * Jobs at AWS, from a queued job to an ended instance: the stack that the real engine makes, its manager's machine, and machines
 * that boot with the user data of their templates. Stand-ins: moto, GitHub's simulator with its runner, systemd and devices. The
 * tests follow each other on one stack; each leaves nothing behind.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ManagerState } from "../../../agent/manager/view.ts";
import { mayMount } from "../../agent/manager/small-disk.ts";
import { openJobs, setLimits, type Jobs } from "./jobs/rig.ts";
import { said } from "./rig.ts";

const labels = (of: string) => ["self-hosted", "linux", of];
const entry = (market: "spot" | "on-demand", type = "c8g.xlarge") => ({
  aws: { types: [type], market, disk: 100 },
});
const pool = (of: string, ...backends: object[]) => ({ labels: labels(of), max: 10, backends });
const pools = {
  red: pool("red", entry("spot")),
  green: pool("green", entry("spot")),
  blue: pool("blue", entry("on-demand")),
  scarce: pool("scarce", entry("spot", "m7g.xlarge"), entry("on-demand", "m7g.xlarge")),
};
type Name = keyof typeof pools;

describe.skipIf(!mayMount)("jobs (machines have namespaces of their own: needs root)", () => {
  let jobs: Jobs;
  /** What happened to machines before this test. */
  let before: number;
  beforeAll(async () => {
    jobs = await openJobs(pools);
  });
  afterEach(() => jobs?.booter.rule(() => "boots"));
  afterAll(async () => {
    await jobs?.close();
    if (jobs) console.log(`jobs: ${said(jobs.rig)}`);
  });

  /** So many jobs, each for the next of the pools, which sleep. */
  const dispatch = async (count: number, names: readonly Name[], seconds: number) => {
    before = jobs.booter.events.length;
    const run = await jobs.github.control.dispatchJobs(
      Array.from({ length: count }, (_, n) => ({
        labels: labels(names[n % names.length]!),
        script: `sleep ${seconds}`,
      })),
    );
    return run.id;
  };
  const jobsOf = (run: number) => jobs.github.control.jobs().filter(({ runId }) => runId === run);
  const events = (...whats: string[]) =>
    jobs.booter.events
      .slice(before)
      .filter(({ what }) => whats.includes(what))
      .map(({ id }) => id);
  const running = (run: number, count: number) =>
    jobs.until(
      `${count} jobs run`,
      () => jobsOf(run).filter(({ phase }) => phase === "running").length === count,
    );
  const reasons = ({ pools: shown }: ManagerState, name: Name) =>
    shown.find((one) => one.name === name)!.reasons.map(({ reason }) => reason);

  test("twenty jobs of three pools run on twenty machines, and nothing is left of them", async () => {
    const run = await dispatch(20, ["red", "green", "blue"], 1);
    await jobs.done(run);
    await jobs.nothingLeft();
    expect(new Set(events("boots")).size).toBe(20);
    // By themselves, or by the manager once their agents had said goodbye.
    expect(events("powered off", "switched off").sort()).toEqual(events("boots").sort());
  });

  test("where the first offer has nothing, the next one serves every job within the same pass", async () => {
    jobs.aws.capacity({ type: "m7g.xlarge", market: "spot" }, 0);
    jobs.aws.resetCalls();
    const run = await dispatch(3, ["scarce"], 3);
    await running(run, 3);
    const alive = await jobs.alive();
    expect(alive.map(({ InstanceLifecycle }) => InstanceLifecycle ?? "on demand")).toEqual(
      Array(3).fill("on demand"),
    );
    // One call that got nothing, one that got all three.
    expect(jobs.aws.calls()["ec2:CreateFleet"]).toBe(2);
    await jobs.done(run);
    await jobs.nothingLeft();
  });

  test("launches that EC2 throttles are made a little later, each machine once", async () => {
    jobs.aws.throttle("CreateFleet", { tokens: 1, refillPerSecond: 0.2 });
    const run = await dispatch(3, ["red", "green", "blue"], 1);
    await jobs.until("somebody is told", (state) =>
      (["red", "green", "blue"] as const).some((name) => reasons(state, name).includes("throttled")),
    );
    await jobs.done(run);
    jobs.aws.throttle("CreateFleet", { tokens: 1_000, refillPerSecond: 1_000 });
    await jobs.nothingLeft();
    expect(events("boots").length).toBe(3);
  });

  test("a manager that is killed in the middle of jobs loses none and launches none twice", async () => {
    const run = await dispatch(3, ["red", "green", "blue"], 6);
    await running(run, 3);
    const startedMs = (await jobs.host.state()).startedMs;
    const more = jobs.github.control.dispatchJobs([{ labels: labels("red") }]);
    await jobs.host.machine.inside("kill -9 $(pgrep -f '[m]anager.mjs')");
    await jobs.until("it is back", (state) => state.startedMs > startedMs);
    await jobs.done(run);
    await jobs.done((await more).id);
    await jobs.nothingLeft();
    expect(events("boots").length).toBe(4);
  });

  test("a new manager takes over in the middle of jobs: it loses none and launches none twice", async () => {
    const run = await dispatch(3, ["red", "green", "blue"], 6);
    await running(run, 3);
    // The boots of the tests that follow are over sooner.
    await setLimits(jobs.rig.root, { bootDeadlineMs: 40_000, clockSkewMs: 30_000 });
    const hash = await jobs.store.upgrade(jobs.rig.root);
    await jobs.until("it runs", ({ managerBundle }) => managerBundle === hash);
    const more = await jobs.github.control.dispatchJobs([{ labels: labels("red") }]);
    await jobs.done(run);
    await jobs.done(more.id);
    await jobs.nothingLeft();
    expect(events("boots").length).toBe(4);
  });

  test("a machine that never boots is ended after its time, and its job runs on another", async () => {
    let dead: string | null = null;
    jobs.booter.rule(({ InstanceId }) => {
      if (dead !== null) return "boots";
      dead = InstanceId!;
      return "never";
    });
    const run = await dispatch(1, ["green"], 1);
    await jobs.done(run);
    await jobs.nothingLeft();
    expect(events("boots")).not.toContain(dead);
    expect(events("boots").length).toBe(1);
  });
});
