/** Which source a pool uses: by setting, and by what GitHub made of its labels. */
import { expect, test } from "vitest";
import { start } from "../../../github/testing/start.ts";
import { eventually, signal, temporary } from "./harness.ts";
import { fast, queuedHarness, unlimited } from "./queued/queued-world.ts";
import { jobs, serve, type World } from "./world.ts";

async function auto(fault: boolean, directory = temporary()): Promise<World> {
  const sim = await start({ ...unlimited, timings: { holdMs: 300 } });
  if (fault) sim.control.setFault({ kind: "labels-dropped" });
  const made = queuedHarness(sim, { source: "auto", directory, timings: fast });
  made.github.start(made.config);
  made.github.capacity("a", 5);
  return { ...made, sim };
}

test("auto: with the labels that were sent a pool keeps its scale set, and no run is read", async () => {
  const made = await auto(false);
  await made.sim.control.dispatchJobs(jobs(1));
  await eventually(() => expect(made.lastStatistics()).toMatchObject({ assigned: 1 }));
  expect(made.seen().at(-1)!.source).toEqual({ is: "scale-sets", why: null });
  await serve(made, 1);
  expect(made.sim.control.calls()).not.toHaveProperty("rest.runs");
});

test("auto: labels that GitHub drops make the pool read queued runs, its job runs, and the useless set goes", async () => {
  const made = await auto(true);
  await made.sim.control.dispatchJobs(jobs(1));
  await eventually(() => expect(made.lastStatistics()).toMatchObject({ assigned: 1 }));
  expect(made.seen().at(-1)).toMatchObject({
    labelsDropped: ["linux"],
    source: { is: "queued-runs", why: expect.stringContaining("dropped the labels linux") as string },
  });
  await serve(made, 1);
  await eventually(() => expect(made.lastStatistics()).toMatchObject({ assigned: 0 }));
  await eventually(() => expect(made.sim.control.scaleSets()).toEqual([]));
  // Said once.
  expect(made.lines.filter((line) => line.includes("dropped the labels"))).toHaveLength(1);
  expect(made.failed()).toEqual([]);
});

test("auto: only the pool whose labels were dropped switches", async () => {
  const sim = await start({ ...unlimited, timings: { holdMs: 300 } });
  sim.control.setFault({ kind: "labels-dropped" });
  const made = queuedHarness(sim, {
    source: "auto",
    pools: { a: {}, one: { labels: ["single"] } },
  });
  made.github.start(made.config);
  const sourceOf = (pool: string) => made.seen().findLast((fact) => fact.pool === pool)?.source?.is;
  await eventually(() => expect([sourceOf("a"), sourceOf("one")]).toEqual(["queued-runs", "scale-sets"]));
});

test("after a restart the set is not made again, until a day later", async () => {
  const directory = temporary();
  const first = await auto(true, directory);
  await eventually(() => expect(first.seen().at(-1)?.source?.is).toBe("queued-runs"));
  await eventually(() => expect(first.sim.control.scaleSets()).toEqual([]));
  await first.github.stop();
  const second = queuedHarness(first.sim, { source: "auto", directory });
  second.github.start(second.config);
  await eventually(() => expect(second.seen().length).toBeGreaterThan(2));
  expect(first.sim.control.calls()["scale-set.create"]).toBe(1);
  expect(second.seen()[0]).toMatchObject({ labelsDropped: ["linux"], source: { is: "queued-runs" } });
  await second.github.stop();
  // A server that was upgraded meanwhile keeps them.
  first.sim.control.clearFaults();
  const third = queuedHarness(first.sim, { source: "auto", directory, timings: { labelsLostMs: 0 } });
  third.github.start(third.config);
  await eventually(() => expect(third.seen().at(-1)?.source?.is).toBe("scale-sets"));
});

test("a changed setting moves a pool from its scale set to queued runs and back, without losing its jobs", async () => {
  const made = await auto(false);
  const { github, sim, config } = made;
  await eventually(() => expect(made.seen().at(-1)?.source?.is).toBe("scale-sets"));
  github.start({ ...config, github: { ...config.github, source: "queued-runs" } });
  await sim.control.dispatchJobs(jobs(1));
  await eventually(() =>
    expect(made.seen().at(-1)).toMatchObject({
      source: { is: "queued-runs" },
      statistics: { assigned: 1 },
    }),
  );
  await eventually(() => expect(sim.control.scaleSets()).toEqual([]));
  github.start({ ...config, github: { ...config.github, source: "scale-sets" } });
  await eventually(() =>
    expect(made.seen().at(-1)).toMatchObject({ source: { is: "scale-sets" }, statistics: { assigned: 1 } }),
  );
  await serve(made, 1);
  expect(sim.control.jobs()[0]).toMatchObject({ conclusion: "succeeded" });
});

test("a pool that leaves the settings is no longer told of, and its records can still be removed", async () => {
  const made = await auto(true);
  const { github, sim, config } = made;
  await eventually(() => expect(made.seen().at(-1)?.source?.is).toBe("queued-runs"));
  await github.mint("a", "runner-1", signal());
  github.start({ ...config, pools: {} });
  await eventually(() => expect(sim.control.scaleSets()).toEqual([]));
  expect(await github.remove("a", { id: null, name: "runner-1" }, signal())).toBe("gone");
  expect(sim.control.runners()).toEqual([]);
});
