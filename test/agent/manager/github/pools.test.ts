/** Scale sets as settings come and go: changed labels, added and removed pools, another place. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ManagerConfig, PoolConfig } from "../../../../agent/manager-config.ts";
import { poolConfig } from "../worlds.ts";
import { eventually, scripted, signal, started, temporary } from "./harness.ts";
import { assigned, figures, message, type ScriptedGitHub } from "./script.ts";

const labels = ["self-hosted", "linux"];
const set = (id: number, name: string, over: object = {}) => ({
  id,
  name,
  labels,
  runnerGroupId: 1,
  ...over,
});
const withPools = (
  made: { config: ManagerConfig },
  pools: Record<string, Partial<PoolConfig>>,
): ManagerConfig => ({
  ...made.config,
  pools: Object.fromEntries(Object.entries(pools).map(([name, over]) => [name, poolConfig(over)])),
});
const names = (script: ScriptedGitHub) => [...script.sets.values()].map(({ name }) => name).sort();
const polled = (script: ScriptedGitHub, count: number) =>
  eventually(() => expect(script.calls("poll").length).toBeGreaterThanOrEqual(count));
/** Ends held polls with 202, as GitHub does after 50 s. */
const idle = ({ script }: { script: ScriptedGitHub }) => script.always("poll", { status: 202 });

/** The queue of every session has a message that says nothing: held polls end. */
async function endPolls({ script }: { script: ScriptedGitHub }): Promise<void> {
  script.push(message(1_000 + script.messages.length, [], null));
  await eventually(() => expect(script.calls("poll").length).toBeGreaterThan(2));
}

test("changed labels: a new set beside the old one, which gets capacity 0, keeps being served, and goes when it is empty", async () => {
  const made = await started((github) => (github.statistics = figures({ totalAssignedJobs: 1 })));
  const { script, github, seen, config } = made;
  github.capacity("a", 4);
  await polled(script, 1);
  github.start(withPools(made, { a: { labels: ["linux", "fast"] } }));
  await eventually(() => expect(names(script)).toHaveLength(2));
  expect(names(script)[1]).toMatch(/^muster-test-a-[0-9a-f]{8}$/);
  // The old set still has a job: its figures count, and its runner is minted there.
  await eventually(() => expect(script.calls("session.create")).toHaveLength(2));
  await eventually(() => expect(seen().at(-1)!.statistics.assigned).toBe(2));
  await github.mint("a", "r1", signal());
  expect(script.calls("jit")[0]!.path).toContain("/runnerscalesets/1/");
  await github.mint("a", "r2", signal());
  expect(script.calls("jit")[1]!.path).toContain("/runnerscalesets/2/");
  const oldSession = script.calls("poll")[0]!.query["sessionId"];
  await eventually(() => {
    const last = script
      .calls("poll")
      .filter(({ query }) => query["sessionId"] === oldSession)
      .at(-1)!;
    expect(last.headers["x-scalesetmaxcapacity"]).toBe("0");
  });
  script.statistics = figures();
  idle(made);
  script.push(message(1, []));
  github.capacity("a", 5);
  await endPolls(made);
  await eventually(() => expect(names(script)).toEqual([names(script)[0]]));
  expect(script.calls("sets.delete")[0]!.path).toMatch(/\/1$/);
  expect(config.pools["a"]!.labels).not.toContain("fast");
});

test("what an old set no longer needs is the new one's at once", async () => {
  const made = await started((github) => (github.statistics = figures({ totalAssignedJobs: 3 })));
  const { script, github } = made;
  github.capacity("a", 4);
  await polled(script, 1);
  const oldSession = script.calls("poll")[0]!.query["sessionId"];
  script.next("session.create", () => {
    script.statistics = figures();
    return "plain";
  });
  github.start(withPools(made, { a: { labels: ["linux", "fast"] } }));
  const sent = () =>
    script
      .calls("poll")
      .filter(({ query }) => query["sessionId"] !== oldSession)
      .map(({ headers }) => headers["x-scalesetmaxcapacity"]);
  await eventually(() => expect(sent()).toEqual(["1"]));
  script.push(message(1, [], figures()));
  await eventually(() => expect(sent()).toContain("4"));
});

test("labels that change back take the old set up again", async () => {
  const made = await started(
    (github) => (github.statistics = figures({ totalAssignedJobs: 1, totalRunningJobs: 1 })),
  );
  const { script, github } = made;
  await polled(script, 1);
  github.start(withPools(made, { a: { labels: ["linux", "fast"] } }));
  await eventually(() => expect(names(script)).toHaveLength(2));
  github.start(withPools(made, { a: { labels } }));
  script.statistics = figures();
  idle(made);
  await endPolls(made);
  await eventually(() => expect(names(script)).toEqual(["muster-test-a"]));
});

test("settings that do not touch a pool's labels leave its session alone", async () => {
  const made = await started();
  await polled(made.script, 1);
  made.github.start(withPools(made, { a: { max: 99, idleTimeoutSeconds: 5 } }));
  made.script.push(message(1, [assigned("j1")]));
  await eventually(() => expect(made.news()).toHaveLength(1));
  await eventually(() => expect(made.script.calls("poll")).toHaveLength(2));
  expect(made.script.calls("session.create")).toHaveLength(1);
});

test("a pool that is added is listened to, one that is removed is drained and its set deleted, without news of it", async () => {
  const made = await started();
  const { script, github, seen } = made;
  await polled(script, 1);
  const before = seen().length;
  github.start(withPools(made, { b: { labels: ["other"] } }));
  idle(made);
  await endPolls(made);
  await eventually(() => expect(names(script)).toEqual(["muster-test-b"]));
  expect(
    seen()
      .slice(before)
      .every(({ pool }) => pool === "b"),
  ).toBe(true);
});

test("a removed pool's set stays while a job runs there", async () => {
  const made = await started(
    (github) =>
      (github.statistics = figures({ totalAssignedJobs: 1, totalRunningJobs: 1, totalBusyRunners: 1 })),
  );
  const { script, github } = made;
  await polled(script, 1);
  github.start(withPools(made, {}));
  idle(made);
  await endPolls(made);
  await eventually(() => expect(script.calls("sets.get").length).toBeGreaterThan(2));
  expect(names(script)).toEqual(["muster-test-a"]);
  script.statistics = figures();
  await eventually(() => expect(names(script)).toEqual([]));
});

test("the set of a pool that went away while no manager ran is drained at its return", async () => {
  const directory = temporary();
  const first = await started(undefined, { directory, pools: { a: {}, b: { labels: ["other"] } } });
  await polled(first.script, 2);
  await first.github.stop();
  idle(first);
  await started(undefined, { directory, url: first.config.github.url, pools: { b: { labels: ["other"] } } });
  await eventually(() => expect(names(first.script)).toEqual(["muster-test-b"]));
});

test("an old set that the list shows beside the pool's own is drained and deleted", async () => {
  const made = await started((github) => {
    github.sets.set(3, set(3, "muster-test-a", { labels: ["former"] }));
    github.always("poll", { status: 202 });
  });
  await eventually(() =>
    expect(names(made.script)).toEqual([expect.stringMatching(/^muster-test-a-[0-9a-f]{8}$/)]),
  );
});

test("another github.url: the old place's session is ended, the new place gets its sets, and its notes are kept", async () => {
  const first = await started();
  await polled(first.script, 1);
  const other = await scripted();
  const moved = { ...first.config, github: { ...first.config.github, url: `${other.url}/acme/gadgets` } };
  first.github.start(moved);
  await polled(other, 1);
  await eventually(() => expect(first.script.calls("session.delete")).toHaveLength(1));
  const notes = readFileSync(join(first.directory, "github.json"), "utf8");
  expect(JSON.parse(notes)).toMatchObject({ url: moved.github.url, sets: [{ name: "muster-test-a" }] });
});
