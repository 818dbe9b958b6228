/** Scale sets as settings come and go: names, groups, labels, what is ours and what is not. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ManagerConfig, PoolConfig } from "../../../../agent/manager-config.ts";
import { isNameOf } from "../../../../agent/manager/github/sets.ts";
import { config, poolConfig } from "../worlds.ts";
import { eventually, harness, scripted, signal, started, temporary } from "./harness.ts";
import { assigned, figures, message, refusal, type ScriptedGitHub } from "./script.ts";

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

test("a set of the pool's name and labels is adopted, not made again", async () => {
  const { script } = await started((github) =>
    github.sets.set(5, set(5, "muster-test-a", { labels: ["Linux", "SELF-hosted"] })),
  );
  await polled(script, 1);
  expect(script.calls("sets.create")).toEqual([]);
  expect(script.calls("session.create")[0]!.path).toContain("/runnerscalesets/5/sessions");
});

test("a set that the list did not show is found by its name when creating it is refused as a duplicate", async () => {
  const { script } = await started((github) => {
    github.sets.set(5, set(5, "muster-test-a"));
    github.next("sets.list", { json: { count: 0, value: [] } });
  });
  await polled(script, 1);
  expect(script.calls("sets.list").at(-1)!.query).toMatchObject({
    name: "muster-test-a",
    runnerGroupId: "1",
  });
  expect(names(script)).toEqual(["muster-test-a"]);
});

test("sets of other stacks are never touched", async () => {
  const others = [
    "muster-test-ab",
    "muster-test",
    "muster-prod-a",
    "muster-test-a-b",
    "muster-test-a-0123456",
  ];
  const { script, github } = await started((server) =>
    others.forEach((name, index) => server.sets.set(index + 10, set(index + 10, name, { labels: ["x"] }))),
  );
  await polled(script, 1);
  await github.forget(signal());
  expect(names(script)).toEqual([...others].sort());
});

test("the names of a pool's sets are its own, with or without a mark, and never another pool's", () => {
  const two = config({ a: {}, "a-0123abcd": {} });
  expect(isNameOf(two, "a", "muster-test-a")).toBe(true);
  expect(isNameOf(two, "a", "muster-test-a-deadbeef")).toBe(true);
  expect(isNameOf(two, "a", "muster-test-a-0123abcd")).toBe(false);
  expect(isNameOf(two, "a", "muster-test-a-xyz")).toBe(false);
});

test("labels that GitHub drops are told with every figure", async () => {
  const { seen } = await started((github) => {
    github.next("sets.create", ({ body }) => {
      const { name } = body as { name: string };
      github.sets.set(1, set(1, name, { labels: ["self-hosted"] }));
      return { json: { id: 1, name, runnerGroupId: 1, labels: [{ name: "self-hosted" }] } };
    });
  });
  await eventually(() => expect(seen()[0]?.labelsDropped).toEqual(["linux"]));
});

test("after a restart dropped labels are still dropped labels, not a reason for another set", async () => {
  const directory = temporary();
  const drop = (github: ScriptedGitHub) => {
    github.always("sets.create", ({ body }) => {
      const { name } = body as { name: string };
      github.sets.set(1, set(1, name, { labels: ["self-hosted"] }));
      return { json: { id: 1, name, runnerGroupId: 1, labels: [{ name: "self-hosted" }] } };
    });
  };
  const first = await started(drop, { directory });
  await polled(first.script, 1);
  await first.github.stop();
  const second = await started(undefined, { directory, url: first.config.github.url });
  await eventually(() => expect(second.seen()[0]?.labelsDropped).toEqual(["linux"]));
  expect(first.script.calls("sets.create")).toHaveLength(1);
});

test("a runner group is found by its name", async () => {
  const { script } = await started(
    (github) =>
      (github.groups = [
        { id: 1, name: "Default" },
        { id: 9, name: "Builders" },
      ]),
    {
      pools: { a: { runnerGroup: "Builders" } },
    },
  );
  await eventually(() => expect(script.calls("sets.create")).toHaveLength(1));
  expect(script.calls("sets.create")[0]!.body).toMatchObject({ runnerGroupId: 9 });
  expect(script.calls("groups")[0]!.query["groupName"]).toBe("Builders");
});

test("a runner group that does not exist is refused with those that do", async () => {
  const { failed, script } = await started(
    (github) =>
      (github.groups = [
        { id: 1, name: "Default" },
        { id: 9, name: "Builders" },
      ]),
    {
      pools: { a: { runnerGroup: "Painters" } },
    },
  );
  await eventually(() =>
    expect(failed()[0]?.failure.detail).toContain('runnerGroup "Painters" does not exist'),
  );
  expect(failed()[0]!.failure.detail).toContain("Default, Builders");
  expect(failed()[0]!.failure.reason).toBe("bad-request");
  expect(script.calls("sets.create")).toEqual([]);
});

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

/** The queue of every session has a message that says nothing: held polls end. */
async function endPolls({ script }: { script: ScriptedGitHub }): Promise<void> {
  script.push(message(1_000 + script.messages.length, [], null));
  await eventually(() => expect(script.calls("poll").length).toBeGreaterThan(2));
}

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

test("other sets with equal labels are warned of by name", async () => {
  const { lines, script } = await started((github) => github.sets.set(8, set(8, "muster-prod-a")));
  await polled(script, 1);
  expect(lines.filter((line) => line.includes("same labels") && line.includes("muster-prod-a"))).toHaveLength(
    1,
  );
});

test("forget deletes this stack's runners and sets and says what it could not", async () => {
  const made = await started(
    (github) => {
      github.sets.set(50, set(50, "muster-prod-a", { labels: ["x"] }));
      github.agents.push({ id: 90, name: "a-0123456789-0", runnerScaleSetId: 50 });
    },
    { pools: { a: {}, b: { labels: ["other"] } } },
  );
  const { script, github } = made;
  await polled(script, 2);
  await github.mint("a", "free", signal());
  const { runnerId } = await github.mint("b", "busy", signal());
  script.always("agents.delete", ({ path }) =>
    path.endsWith(`/${runnerId}`) ? refusal(400, "JobStillRunningException") : "plain",
  );
  expect(await github.forget(signal())).toEqual(["runner busy: a job still runs on it"]);
  expect(names(script)).toEqual(["muster-prod-a"]);
  expect(script.agents.map(({ name }) => name)).toEqual(["a-0123456789-0", "busy"]);
  expect(script.calls("session.delete")).toHaveLength(2);
});

test("forget works in a process that listened to nothing", async () => {
  const { script, config } = await started();
  await polled(script, 1);
  const other = harness({ url: config.github.url });
  expect(await other.github.forget(signal())).toEqual([]);
  expect(names(script)).toEqual([]);
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

test("what this stack made is noted without a secret, readable by its owner alone", async () => {
  const { script, directory } = await started();
  await polled(script, 1);
  const path = join(directory, "github.json");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8")).not.toMatch(/token|eyJ|ghp_/i);
});

test("notes that cannot be written cost a line in the log and nothing else", async () => {
  const file = join(temporary(), "file");
  writeFileSync(file, "not a folder");
  const { script, lines, failed } = await started(undefined, { directory: join(file, "below") });
  await polled(script, 1);
  expect(lines.filter((line) => line.includes("cannot be noted down"))).toHaveLength(1);
  expect(failed()).toEqual([]);
});

test("notes that are damaged count as none", async () => {
  const directory = temporary();
  writeFileSync(join(directory, "github.json"), "{");
  const { script, failed } = await started(undefined, { directory });
  await polled(script, 1);
  expect(failed()).toEqual([]);
});
