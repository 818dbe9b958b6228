/** Runner records by REST: registered for a pool's labels, found by name after a lost answer, deleted, forgotten. */
import { expect, test } from "vitest";
import { ScriptedRunner } from "../../../../github/testing/scripted-runner.ts";
import { eventually, harness, signal, temporary } from "../harness.ts";
import { jobs, labels, type World } from "../world.ts";
import { looks, queuedHarness, queuedWorld } from "./queued-world.ts";

const names = ({ sim }: World) => sim.control.runners().map(({ name }) => name);

test("a runner is registered with the pool's labels in its group, and serves one job", async () => {
  const groups = [
    { id: 1, name: "Default", allowsPublicRepositories: false },
    { id: 7, name: "Builders", allowsPublicRepositories: false },
  ];
  const made = await queuedWorld({ groups }, { pools: { a: { runnerGroup: "builders" } } });
  const organisation = queuedHarness(made.sim, {
    url: made.sim.organizationUrl,
    pools: { a: { runnerGroup: "builders" } },
  });
  organisation.github.start(organisation.config);
  await made.sim.control.dispatchJobs(jobs(1));
  const { jitConfig, runnerId } = await organisation.github.mint("a", "runner-1", signal());
  expect(made.sim.control.runners()).toMatchObject([
    { id: runnerId, name: "runner-1", labels, scope: "acme", scaleSet: null },
  ]);
  await new ScriptedRunner(jitConfig).serveOne();
  expect(made.sim.control.jobs()[0]).toMatchObject({ conclusion: "succeeded", runnerName: "runner-1" });
  // A repository has no groups: said, not guessed.
  await expect(made.github.mint("a", "runner-2", signal())).rejects.toThrow(
    /runners of a repository are in no group/,
  );
});

test("a group that does not exist is refused with those that do", async () => {
  const made = await queuedWorld();
  const there = queuedHarness(made.sim, {
    url: made.sim.organizationUrl,
    pools: { a: { runnerGroup: "Nobody" } },
  });
  there.github.start(there.config);
  const error = await there.github.mint("a", "r", signal()).catch((caught: unknown) => caught);
  expect(there.github.classify(error, "a")).toMatchObject({
    reason: "bad-request",
    detail: expect.stringContaining("Groups there: Default") as string,
  });
});

test("422 on the group names the groups there are", async () => {
  const made = await queuedWorld();
  const there = queuedHarness(made.sim, { url: made.sim.organizationUrl });
  there.github.start(there.config);
  made.sim.control.setFault({ kind: "status", on: "rest.runner-jit", status: 422 });
  await expect(there.github.mint("a", "r", signal())).rejects.toThrow(/groups there: Default/);
});

test.each([
  ["a lost answer", { kind: "lost-answer", on: "rest.runner-jit", count: 1 }],
  ["a connection that breaks", { kind: "reset", on: "rest.runner-jit", count: 1 }],
  ["503", { kind: "status", on: "rest.runner-jit", status: 503, count: 1 }],
  ["409 for a record that is not there", { kind: "jit-name-conflict", count: 1 }],
] as const)("%s: the same name is registered again, and there is one record", async (_name, fault) => {
  const made = await queuedWorld();
  made.sim.control.setFault(fault);
  const { runnerId } = await made.github.mint("a", "runner-1", signal());
  expect(made.sim.control.runners()).toMatchObject([{ id: runnerId, name: "runner-1" }]);
  expect(made.sim.control.calls()["rest.runner-jit"]).toBe(2);
});

test("a name under which a job runs is not taken from it", async () => {
  const made = await queuedWorld();
  await made.sim.control.dispatchJobs(jobs(1));
  const { jitConfig } = await made.github.mint("a", "runner-1", signal());
  const runner = await new ScriptedRunner(jitConfig).online();
  await runner.take();
  await expect(made.github.mint("a", "runner-1", signal())).rejects.toThrow(/runs a job/);
  expect(names(made)).toEqual(["runner-1"]);
});

test("removal: idle is gone, busy is refused, gone is gone, an unknown id is found by name", async () => {
  const made = await queuedWorld();
  const { github, sim } = made;
  const idle = await github.mint("a", "idle", signal());
  expect(await github.remove("a", { id: idle.runnerId, name: "idle" }, signal())).toBe("gone");
  expect(await github.remove("a", { id: idle.runnerId, name: "idle" }, signal())).toBe("gone");
  await github.mint("a", "nameless", signal());
  expect(await github.remove("a", { id: null, name: "nameless" }, signal())).toBe("gone");
  expect(names(made)).toEqual([]);
  await sim.control.dispatchJobs(jobs(1));
  const { jitConfig, runnerId } = await github.mint("a", "busy", signal());
  await (await new ScriptedRunner(jitConfig).online()).take();
  expect(await github.remove("a", { id: runnerId, name: "busy" }, signal())).toBe("busy");
});

test("404 to a login that may not see the record is no proof that it is gone", async () => {
  const made = await queuedWorld();
  const { runnerId } = await made.github.mint("a", "runner-1", signal());
  made.sim.control.setFault({ kind: "status", on: "rest.runner*", status: 404 });
  await expect(made.github.remove("a", { id: runnerId, name: "runner-1" }, signal())).rejects.toThrow(/404/);
  made.sim.control.clearFaults();
  expect(await made.github.remove("a", { id: runnerId, name: "runner-1" }, signal())).toBe("gone");
});

test("a runner is removed by REST also after a restart under the setting scale-sets", async () => {
  const directory = temporary();
  const made = await queuedWorld({}, { directory });
  await made.github.mint("a", "runner-1", signal());
  await made.github.stop();
  const later = queuedHarness(made.sim, { directory, source: "scale-sets" });
  later.github.start(later.config);
  expect(await later.github.remove("a", { id: null, name: "runner-1" }, signal())).toBe("gone");
  expect(made.sim.control.calls()["agent.delete"]).toBeUndefined();
  expect(names(made)).toEqual([]);
});

test("forget deletes the records that this stack made and no other, and names those on which jobs run", async () => {
  const directory = temporary();
  const made = await queuedWorld({}, { directory });
  const other = queuedHarness(made.sim);
  other.github.start(other.config);
  await made.sim.control.dispatchJobs(jobs(1));
  const { jitConfig } = await made.github.mint("a", "busy", signal());
  await (await new ScriptedRunner(jitConfig).online()).take();
  await made.github.mint("a", "idle", signal());
  await other.github.mint("a", "another-stack", signal());
  await made.github.stop();
  // What must be deleted is known to the next manager as well.
  const next = queuedHarness(made.sim, { directory });
  expect(await next.github.forget(signal())).toEqual(["runner busy: a job still runs on it"]);
  expect(names(made).sort()).toEqual(["another-stack", "busy"]);
});

test("a burst of registrations leaves at once and stays within GitHub's 900 points a minute; what is beyond is refused with the time", async () => {
  const made = await queuedWorld(
    { pointsPerMinute: 900 },
    { timings: { pointsPerMinute: 850, queuedBusyMs: 60_000, queuedIdleMs: 60_000, queuedMsMax: 60_000 } },
  );
  await looks(made, 1);
  const startedMs = performance.now();
  const asked = Array.from({ length: 200 }, (_, index) =>
    made.github.mint("a", `runner-${index}`, signal()).then(
      () => null,
      (error: unknown) => made.github.classify(error, "a"),
    ),
  );
  const failures = (await Promise.all(asked)).filter((failure) => failure !== null);
  expect(made.sim.control.runners().length).toBeGreaterThanOrEqual(160);
  expect(made.sim.control.runners().length + failures.length).toBe(200);
  // One a second, as the plugin would have it, is 160 s.
  expect(performance.now() - startedMs).toBeLessThan(30_000);
  expect(failures[0]).toMatchObject({ reason: "throttled" });
  expect(failures[0]!.retryAfterMs).toBeGreaterThan(20_000);
  expect(made.sim.control.events().filter(({ what }) => what === "secondary-limit")).toEqual([]);
  // Never sent: nothing to look for, nothing to delete.
  const calls = made.sim.control.calls()["rest.runners"] ?? 0;
  expect(await made.github.remove("a", { id: null, name: "runner-199" }, signal())).toBe("gone");
  expect(made.sim.control.calls()["rest.runners"] ?? 0).toBe(calls);
}, 60_000);

test("no secret of REST reaches a log line, a fact or an error", async () => {
  const made = await queuedWorld();
  const { jitConfig } = await made.github.mint("a", "runner-1", signal());
  const echoed = { message: `you sent Bearer ${made.sim.token}` };
  made.sim.control.setFault({ kind: "status", on: "rest.*", status: 500, body: JSON.stringify(echoed) });
  const error = await made.github.mint("a", "runner-2", signal()).catch((caught: unknown) => caught);
  await eventually(() => expect(made.failed()).not.toHaveLength(0));
  const failure = made.github.classify(error, "a");
  const all = [...made.lines, JSON.stringify(made.facts), JSON.stringify(failure)].join("\n");
  expect(all).toContain("[hidden]");
  expect(all).not.toContain(made.sim.token);
  expect(all).not.toContain(jitConfig.slice(0, 40));
});

test("an enterprise is refused with what to do instead", async () => {
  const made = harness({ url: "http://127.0.0.1:9/enterprises/acme", source: "queued-runs" });
  made.github.start(made.config);
  expect(made.failed()[0]!.failure).toMatchObject({
    reason: "bad-request",
    detail: expect.stringContaining("muster:github.source to scale-sets") as string,
  });
  expect(made.seen()).toEqual([]);
});
