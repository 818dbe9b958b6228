/** Which scale set is a pool's own: names, labels, groups, notes; and clearing up. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ManagerConfig } from "../../../../agent/manager-config.ts";
import { isNameOf, wishOf } from "../../../../agent/manager/github/sets.ts";
import { config } from "../worlds.ts";
import { eventually, harness, signal, started, temporary } from "./harness.ts";
import { refusal, type ScriptedGitHub } from "./script.ts";

const labels = ["self-hosted", "linux"];
const set = (id: number, name: string, over: object = {}) => ({
  id,
  name,
  labels,
  runnerGroupId: 1,
  ...over,
});
const names = (script: ScriptedGitHub) => [...script.sets.values()].map(({ name }) => name).sort();
const polled = (script: ScriptedGitHub, count: number) =>
  eventually(() => expect(script.calls("poll").length).toBeGreaterThanOrEqual(count));
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
    github.always("sets.list", ({ query }) =>
      query["name"] === undefined ? { json: { count: 0, value: [] } } : "plain",
    );
  });
  await polled(script, 1);
  const named = script.calls("sets.list").filter(({ query }) => query["name"] !== undefined);
  expect(named.map(({ query }) => query)).toMatchObject([{ name: "muster-test-a", runnerGroupId: "1" }]);
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

test("with an owner, names are no other stack's: another computer's, or another place of the dashes", () => {
  const stack = (name: string, pool: string, owner: string): ManagerConfig => ({
    ...config({ [pool]: {} }),
    stack: { project: "muster", name, owner },
  });
  const name = (settings: ManagerConfig, pool: string) => wishOf(settings, pool)!.base;
  const dev = stack("dev", "x-arm", "here");
  expect(name(dev, "x-arm")).toMatch(/^muster-dev-x-arm-[0-9a-f]{6}$/);
  expect(isNameOf(dev, "x-arm", name(dev, "x-arm"))).toBe(true);
  expect(isNameOf(dev, "x-arm", name(stack("dev-x", "arm", "here"), "arm"))).toBe(false);
  expect(isNameOf(dev, "x-arm", name(stack("dev", "x-arm", "elsewhere"), "x-arm"))).toBe(false);
  expect(isNameOf(dev, "x-arm", "muster-dev-x-arm")).toBe(false);
});

/** Whatever GitHub does to the labels. */
const scaleSets = { source: "scale-sets" as const };

test("labels that GitHub drops are told with every figure", async () => {
  const { seen } = await started((github) => {
    github.next("sets.create", ({ body }) => {
      const { name } = body as { name: string };
      github.sets.set(1, set(1, name, { labels: ["self-hosted"] }));
      return { json: { id: 1, name, runnerGroupId: 1, labels: [{ name: "self-hosted" }] } };
    });
  }, scaleSets);
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
  const first = await started(drop, { ...scaleSets, directory });
  await polled(first.script, 1);
  await first.github.stop();
  const second = await started(undefined, { ...scaleSets, directory, url: first.config.github.url });
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
