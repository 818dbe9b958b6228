/**
 * Jobs at AWS, from a queued job to an ended instance: the stack that the real engine makes, its manager's machine, and machines
 * that boot with the user data of their templates. Stand-ins: moto, GitHub's simulator with its runner, systemd and devices. The
 * tests follow each other on one stack.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { mayMount } from "../../agent/manager/small-disk.ts";
import { openJobs, type Jobs } from "./jobs/rig.ts";
import { said } from "./rig.ts";

const labels = (of: string) => ["self-hosted", "linux", of];
const pool = (of: string, max = 8) => ({
  labels: labels(of),
  max,
  backends: [{ aws: { types: ["c8g.xlarge"], disk: 100 } }],
});

describe.skipIf(!mayMount)("jobs (machines have namespaces of their own: needs root)", () => {
  let jobs: Jobs;
  beforeAll(async () => {
    jobs = await openJobs({ red: pool("red"), green: pool("green"), blue: pool("blue") });
  });
  afterAll(async () => {
    await jobs?.close();
    if (jobs) console.log(`jobs: ${said(jobs.rig)}`);
  });

  /** So many jobs, each for the next of the pools, which sleep. */
  const dispatch = (count: number, pools: readonly string[], seconds: number) =>
    jobs.github.control.dispatchJobs(
      Array.from({ length: count }, (_, n) => ({
        labels: labels(pools[n % pools.length]!),
        script: `/bin/sleep ${seconds}`,
      })),
    );

  test("twenty jobs of three pools run on twenty machines, and nothing is left of them", async () => {
    const from = jobs.booter.events.length;
    const run = await dispatch(20, ["red", "green", "blue"], 1);
    await jobs.done(run.id);
    await jobs.nothingLeft();
    const events = jobs.booter.events.slice(from);
    const of = (...whats: string[]) => events.filter(({ what }) => whats.includes(what)).map(({ id }) => id);
    expect(of("boots").length).toBe(20);
    expect(new Set(of("boots")).size).toBe(20);
    // By themselves, or by the manager once their agents had said goodbye.
    expect(of("powered off", "switched off").sort()).toEqual(of("boots").sort());
  });
});
