// Goal: the manager loses no job, leaves no machine, and keeps its limits while everything round it fails. Method: the real
// core in virtual time; each seed draws which faults happen and how often, then the storm ends and everything must be done.
import { describe, expect, test } from "vitest";
import { noFaults, simulate, type Faults } from "./simulator.ts";
import { prng } from "./prng.ts";

const minute = 60_000;
/** `MUSTER_SEEDS=5000` for a longer night; a failing seed's number is in its test's name. */
const seeds = Number(process.env.MUSTER_SEEDS ?? 200);

/** Swarm: each seed switches a random subset of the fault kinds on. */
function storm(seed: number): Partial<Faults> {
  const random = prng(seed ^ 0x5eed);
  const on = (value: number) => (random.chance(0.4) ? value * random.next() : 0);
  return {
    refused: on(0.5),
    answerLost: on(0.5),
    listFails: on(0.5),
    destroyFails: on(0.5),
    listLagMs: on(30_000),
    deadBoot: on(0.2),
    mintFails: on(0.5),
    mintAnswerLost: on(0.3),
    removeFails: on(0.5),
    messageLagMs: 100 + on(10_000),
    syncLost: on(0.3),
    dies: on(0.2),
    managerKilled: on(0.3),
  };
}

describe("a storm of faults", () => {
  test.each(Array.from({ length: seeds }, (_, seed) => seed + 1))(
    "seed %i: all jobs run, nothing is left",
    async (seed) => {
      const pools = { a: { max: 4 }, b: { max: 3, reuse: true, minIdle: 1, idleTimeoutSeconds: 30 } };
      const run = simulate({ seed, pools, faults: storm(seed) });
      let count = 0;
      for (let round = 0; round < 5; round++) {
        for (let n = run.random.below(5); n > 0; n--)
          run.github.queue(
            run.random.chance(0.5) ? "a" : "b",
            `job-${++count}`,
            run.random.ms(200, 2 * minute),
          );
        await run.advance(run.random.ms(1_000, 2 * minute));
      }
      run.heal();
      const done = await run.until(() => run.jobsOpen().length === 0, 90 * minute);
      expect(done, JSON.stringify(run.jobsOpen())).toBe(true);
      await run.drain();
      const empty = () => run.cloud.machines.size === 0 && run.github.records.size === 0;
      expect(
        await run.until(empty, 60 * minute),
        JSON.stringify([[...run.cloud.machines.keys()], [...run.github.records]]),
      ).toBe(true);
    },
  );

  test("the same seed gives the same run", async () => {
    const trace = async () => {
      const run = simulate({ seed: 7, faults: storm(7) });
      for (let n = 0; n < 5; n++) run.github.queue("a", `job-${n}`, 10_000);
      await run.advance(10 * minute);
      return JSON.stringify([run.world(), [...run.github.jobs.values()]]);
    };
    expect(await trace()).toBe(await trace());
  });
});

describe("without faults", () => {
  test("a queued job has a launch asked within a second, and a machine of its own", async () => {
    const run = simulate({ seed: 1 });
    await run.advance(5_000);
    run.github.queue("a", "one", 10_000);
    expect(await run.until(() => Object.keys(run.world().machines).length === 1, 1_000)).toBe(true);
    expect(await run.until(() => run.jobsOpen().length === 0, 5 * minute)).toBe(true);
    expect(
      await run.until(() => run.cloud.machines.size === 0 && run.github.records.size === 0, minute),
    ).toBe(true);
    expect(run.github.minted).toHaveLength(1);
  });

  test("an idle runner deregisters and ends; a new job gets a new one by itself", async () => {
    const run = simulate({ seed: 2, pools: { a: { idleTimeoutSeconds: 30 } } });
    await run.advance(5_000);
    run.github.queue("a", "cancelled", 10_000);
    await run.until(
      () => Object.values(run.world().machines).some(({ stage }) => stage === "registered"),
      minute,
    );
    run.github.jobs.delete("cancelled");
    run.github.start(run.settings.config);
    expect(
      await run.until(() => run.cloud.machines.size === 0 && run.github.records.size === 0, 5 * minute),
    ).toBe(true);
    run.github.queue("a", "next", 1_000);
    expect(await run.until(() => run.jobsOpen().length === 0, 5 * minute)).toBe(true);
  });

  test("minIdle machines wait unregistered: no registration and no churn in an hour", async () => {
    const run = simulate({ seed: 3, pools: { a: { minIdle: 2 } } });
    await run.advance(2 * minute);
    const before = [...run.cloud.machines.keys()];
    await run.advance(60 * minute);
    expect([[...run.cloud.machines.keys()], run.github.minted]).toEqual([before, []]);
    expect(before).toHaveLength(2);
  });

  test("GitHub down for an hour: no launch, finished machines go, and all jobs run at its return", async () => {
    const run = simulate({ seed: 4 });
    await run.advance(5_000);
    for (let n = 0; n < 3; n++) run.github.queue("a", `early-${n}`, 30_000);
    await run.advance(20_000);
    run.faults.down = true;
    await run.advance(minute);
    for (let n = 0; n < 3; n++) run.github.queue("a", `late-${n}`, 30_000);
    const before = run.cloud.machines.size;
    await run.advance(60 * minute);
    expect(run.cloud.machines.size).toBeLessThanOrEqual(before);
    run.faults.down = false;
    expect(await run.until(() => run.jobsOpen().length === 0, 30 * minute)).toBe(true);
  });

  test("a manager killed in mid-job: the job finishes, and no second machine is started for it", async () => {
    const run = simulate({ seed: 5 });
    await run.advance(5_000);
    run.github.queue("a", "long", 5 * minute);
    await run.until(() => [...run.github.jobs.values()].some(({ state }) => state === "running"), 2 * minute);
    const machines = [...run.cloud.machines.keys()];
    run.killManager(false);
    await run.advance(3 * minute);
    expect([...run.cloud.machines.keys()]).toEqual(machines);
    expect(await run.until(() => run.jobsOpen().length === 0, 10 * minute)).toBe(true);
    expect(run.github.minted).toHaveLength(1);
  });

  test("a lost journal: what runs may finish, is never registered again, and is cleared away", async () => {
    const run = simulate({
      seed: 6,
      pools: { a: { reuse: true, minIdle: 1 } },
      faults: { ...noFaults, journalLost: 1 },
    });
    await run.advance(5_000);
    run.github.queue("a", "long", 5 * minute);
    await run.until(() => [...run.github.jobs.values()].some(({ state }) => state === "running"), 2 * minute);
    const minted = run.github.minted.length;
    const old = [...run.cloud.machines.keys()];
    run.killManager(true);
    expect(await run.until(() => run.jobsOpen().length === 0, 20 * minute)).toBe(true);
    await run.advance(10 * minute);
    expect([...run.cloud.machines.keys()].filter((id) => old.includes(id))).toEqual([]);
    expect(run.github.minted.length).toBe(minted);
  });
});
