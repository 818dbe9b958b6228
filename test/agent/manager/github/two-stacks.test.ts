/** Two stacks in one organisation, each with a real GitHub side, against one simulated GitHub. */
import { describe, expect, test } from "vitest";
import { Client } from "../../../github/testing/client.ts";
import { ScriptedRunner } from "../../../github/testing/scripted-runner.ts";
import { start } from "../../../github/testing/start.ts";
import { eventually, type Harness, harness, looking, type Options, signal } from "./harness.ts";
import { queuedHarness, unlimited } from "./queued/queued-world.ts";
import type { World } from "./world.ts";

type Sim = World["sim"];
const labels = { prod: ["self-hosted", "linux"], dev: ["self-hosted", "linux", "dev"] };

async function stack(
  sim: Sim,
  name: "prod" | "dev",
  over: { labels?: string[]; shareLabels?: boolean } = {},
) {
  const made = harness({
    url: sim.organizationUrl,
    secrets: { githubToken: sim.token },
    stack: { project: "muster", name },
    timings: looking,
    pools: { a: { labels: labels[name], shareLabels: true, ...over } },
  });
  made.github.start(made.config);
  made.github.capacity("a", 5);
  await eventually(() => expect(made.seen().length).toBeGreaterThan(0));
  return made;
}
const setNames = (sim: Sim) => sim.control.scaleSets().map(({ name }) => name);
const runnerNames = (sim: Sim) => sim.control.runners().map(({ name }) => name);

test("destroying dev beside prod: dev's set and runner records go, prod's stay and go on serving", async () => {
  const sim = await start();
  const prod = await stack(sim, "prod");
  const dev = await stack(sim, "dev");
  // Machines of both may have the same kind of name: the pools are called alike.
  const busy = await prod.github.mint("a", "a-0123456789-0", signal());
  await prod.github.mint("a", "a-0123456789-1", signal());
  await dev.github.mint("a", "a-9876543210-0", signal());
  expect(await dev.github.forget(signal())).toEqual([]);
  expect(setNames(sim)).toEqual(["muster-prod-a"]);
  expect(runnerNames(sim)).toEqual(["a-0123456789-0", "a-0123456789-1"]);
  const run = await sim.control.dispatchJobs([{ labels: labels.prod, name: "still served" }]);
  await new ScriptedRunner(busy.jitConfig).serveOne();
  await eventually(() => expect(sim.control.run(run.id).conclusion).toBe("success"));
  await eventually(() => expect(prod.news().map(({ is }) => is)).toContain("completed"));
  expect(prod.failed()).toEqual([]);
});

test("without its notes a stack still knows its own set by name, and no other", async () => {
  const sim = await start();
  const prod = await stack(sim, "prod");
  const dev = await stack(sim, "dev");
  await dev.github.stop();
  const lost = harness({
    url: sim.organizationUrl,
    secrets: { githubToken: sim.token },
    stack: { project: "muster", name: "dev" },
    pools: { a: { labels: labels.dev } },
  });
  expect(await lost.github.forget(signal())).toEqual([]);
  expect(setNames(sim)).toEqual(["muster-prod-a"]);
  expect(prod.failed()).toEqual([]);
});

test("a stack whose labels change beside another's leaves the other's set alone", async () => {
  const sim = await start({ timings: { holdMs: 50 } });
  await stack(sim, "prod");
  const dev = await stack(sim, "dev");
  const pool = { ...dev.config.pools["a"]!, labels: ["self-hosted", "linux", "dev2"] };
  dev.github.start({ ...dev.config, pools: { a: pool } });
  await eventually(() => expect(setNames(sim)).toHaveLength(2));
  await eventually(() => expect(setNames(sim)).not.toContain("muster-dev-a"));
  expect(setNames(sim)).toContain("muster-prod-a");
});

test("equal labels: the first stack goes on with a warning, the second stands still", async () => {
  const sim = await start();
  const prod = await stack(sim, "prod", { shareLabels: false });
  await eventually(() => expect(prod.refused()).toEqual([]));
  const dev = await stack(sim, "dev", { shareLabels: false, labels: labels.prod });
  await eventually(() => expect(dev.refused()).toEqual(["label-clash"]));
  await eventually(() => expect(prod.accesses().at(-1)!.warnings).toHaveLength(1));
  expect(prod.refused()).toEqual([]);
});

describe("a pool that reads queued runs has no set to say that it was first", () => {
  const clash = { labels: labels.prod, shareLabels: false };
  const first = (sim: Sim, options: Options) =>
    queuedHarness(sim, { timings: looking, pools: { a: clash }, ...options });
  const later = async (sim: Sim) => {
    const client = await new Client(sim, sim.repositoryUrl).login();
    const sent = labels.prod.map((name) => ({ name }));
    await client.sets("POST", "", { name: "later", runnerGroupId: 1, labels: sent });
  };
  const warned = (made: Harness) =>
    eventually(() => expect(made.accesses().at(-1)!.warnings[0]).toMatch(/"later".*came later/));

  test("by setting: it goes on with a warning when another comes, also after a restart", async () => {
    const sim = await start(unlimited);
    const made = first(sim, {});
    made.github.start(made.config);
    await eventually(() => expect(made.refused()).toEqual([]));
    await later(sim);
    await warned(made);
    expect(made.refused()).toEqual([]);
    await made.github.stop();
    const again = first(sim, { directory: made.directory });
    again.github.start(again.config);
    await warned(again);
    expect(again.refused()).toEqual([]);
  });

  test("by itself: what it was with its set it stays without, although no look was due", async () => {
    const sim = await start(unlimited);
    sim.control.setFault({ kind: "labels-dropped" });
    const made = first(sim, { source: "auto", timings: {} });
    made.github.start(made.config);
    await eventually(() => expect(made.seen().at(-1)?.source?.is).toBe("queued-runs"));
    await eventually(() => expect(made.accesses().length).toBeGreaterThan(2));
    sim.control.clearFaults();
    await later(sim);
    made.github.credentials({ githubToken: sim.token });
    await warned(made);
    expect(made.refused()).toEqual([]);
  });

  test("one that comes later stands still", async () => {
    const sim = await start(unlimited);
    await later(sim);
    const made = first(sim, {});
    made.github.start(made.config);
    await eventually(() => expect(made.refused()).toEqual(["label-clash"]));
  });
});

test("a set is removed by hand only when it is another stack's and nobody uses it", async () => {
  const sim = await start({ timings: { deadSessionMs: 0 } });
  const prod = await stack(sim, "prod");
  const dev = await stack(sim, "dev");
  const remove = (name: string) => dev.github.removeSet(name, signal());
  await expect(remove("muster-dev-a")).rejects.toThrow(/this stack's own/);
  await expect(remove("nothing")).rejects.toThrow(/no scale set nothing.*muster-prod-a \(1\)/);
  await expect(remove("muster-prod-a")).rejects.toThrow(/in use: somebody listens/);
  await prod.github.mint("a", "a-0123456789-0", signal());
  await prod.github.stop();
  await expect(remove("muster-prod-a")).rejects.toThrow(/in use: 1 runners, 0 jobs/);
  expect(setNames(sim)).toHaveLength(2);
  sim.control.removeRunner(sim.control.runners()[0]!.id);
  expect(await remove("MUSTER-prod-a")).toEqual({ id: 1, name: "muster-prod-a" });
  expect(setNames(sim)).toEqual(["muster-dev-a"]);
});

test("sets of one name in two groups are told apart by their number", async () => {
  const groups = ["Default", "Other"].map((name, index) => ({
    id: index + 1,
    name,
    allowsPublicRepositories: false,
  }));
  const sim = await start({ groups });
  const dev = await stack(sim, "dev");
  const client = await new Client(sim, sim.organizationUrl).login();
  for (const { id } of groups)
    await client.sets("POST", "", { name: "old", runnerGroupId: id, labels: [{ name: "old" }] });
  await expect(dev.github.removeSet("old", signal())).rejects.toThrow(/several: old \(2\), old \(3\)/);
  expect(await dev.github.removeSet("3", signal())).toEqual({ id: 3, name: "old" });
  expect(sim.control.scaleSets().map(({ id }) => id)).toEqual([1, 2]);
});
