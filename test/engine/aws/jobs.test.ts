/**
 * Jobs at AWS, from a queued job to an ended instance: the stack that the real engine makes, its manager's machine, and machines
 * that boot with the user data of their templates. Stand-ins: moto, GitHub's simulator with its runner, systemd and devices. The
 * tests follow each other on one stack; each leaves nothing behind.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { ManagerConfig } from "../../../agent/manager-config.ts";
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
  fragile: pool("fragile", entry("spot", "m8g.xlarge")),
  silent: pool("silent", entry("on-demand")),
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

  test("of ten jobs with money for two machines all run, two at a time, none assigned in vain; more money is spent at once", async () => {
    const { pools: configured } = await jobs.store.config();
    const [offer] = configured["blue"]!.backends;
    if (offer?.kind !== "aws") throw new Error("blue is no pool of AWS");
    const price = offer.types[0]!.microsPerHour + offer.besideMicrosPerHour;
    const spend = (machines: number | null) =>
      jobs.store.changeConfig((config): ManagerConfig => ({
        ...config,
        budget:
          machines === null
            ? null
            : { microsPerHour: Math.round(price * machines), baseMicrosPerHour: 0, currency: "USD" },
      }));
    await spend(2.5);
    // Shared by all pools, so that each is promised less.
    await jobs.until("money for two", ({ pools: shown }) =>
      shown.every(({ capacity }) => capacity >= 1 && capacity <= 2),
    );
    const assigned = jobs.github.control.events().length;
    const run = await dispatch(10, ["blue"], 2);
    let most = 0;
    await jobs.until("four are done", async (state) => {
      most = Math.max(most, (await jobs.alive()).length);
      return jobsOf(run).filter(({ phase }) => phase === "completed").length >= 4 && state.healthy;
    });
    expect(most).toBeLessThanOrEqual(2);
    await spend(null);
    await jobs.until("more than two at a time", async () => (await jobs.alive()).length > 2);
    await jobs.done(run);
    await jobs.nothingLeft();
    const since = jobs.github.control.events().slice(assigned);
    expect(since.filter(({ what }) => what === "job-unassigned" || what === "job-stuck")).toEqual([]);
    expect(events("boots").length).toBe(10);
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

  test("two machines that never enrol stop the spending on their pool, which says so", async () => {
    jobs.booter.rule(() => "mute");
    const run = await dispatch(2, ["silent"], 1);
    const state = await jobs.until("the pool says why", (now) =>
      reasons(now, "silent").includes("never-enrolled"),
    );
    const [told] = state.pools.find(({ name }) => name === "silent")!.reasons;
    expect(told?.detail).toMatch(/did not enrol within 40 s/);
    await jobs.nothingLeft();
    expect(events("boots").length).toBe(2);
    jobs.github.control.cancelRun(run);
  });

  test("a spot machine that is taken away in the middle of its job is seen as that", async () => {
    const run = await dispatch(1, ["fragile"], 600);
    await running(run, 1);
    const [taken] = events("boots");
    await jobs.aws.interruptSpot(taken!);
    const state = await jobs.until("it is lost", ({ machines }) =>
      machines.every(({ id, stage }) => id !== taken || stage === "lost"),
    );
    expect(state.machines.find(({ id }) => id === taken)?.problem).toMatch(/interrupted/);
    expect(events("switched off")).toEqual([taken]);
    jobs.github.control.cancelRun(run);
    await jobs.nothingLeft();
  });
});
