// Goal: lost jobs are run again once, over the wire. Method: the simulator's runners take jobs and vanish, the core is told that
// the cloud took their machines, and everything else is what the simulated GitHub makes of it.
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { isOpenLoss } from "../../../../agent/manager/losses.ts";
import type { Loop } from "../../../../agent/manager/loop.ts";
import { eventually, signal } from "./harness.ts";
import { type LostJobs, lostJobs, type LostOptions } from "./lost-jobs.ts";

const reasons = (loop: Loop) =>
  Object.fromEntries(Object.values(loop.world().losses).map(({ id, reason }) => [id, reason]));
const settled = (loop: Loop) =>
  eventually(() => expect(Object.values(loop.world().losses).filter(isOpenLoss)).toEqual([]));
const details = (loop: Loop) => Object.values(loop.world().losses).map(({ detail }) => detail);
const calls = ({ sim }: LostJobs) => {
  const { "rest.run-rerun-failed": failed = 0, "rest.job-rerun": job = 0 } = sim.control.calls();
  return { failed, job };
};
/** Every job of the run in its present attempt, and on which runner it is or was. */
const present = ({ sim }: LostJobs, run: number) =>
  sim.control.run(run).jobs.map(({ name, conclusion, runnerName }) => `${name} ${conclusion} ${runnerName}`);

/** A run whose first jobs were lost with m1, m2 ...; the rest succeeded. It is over at GitHub. */
async function withLost(jobs: Parameters<LostJobs["dispatch"]>[0], count: number, options: LostOptions = {}) {
  const made = await lostJobs(options);
  const run = await made.dispatch(jobs);
  const names = Array.from({ length: count }, (_, index) => `m${index + 1}`);
  for (const name of names) await made.vanish(name);
  for (let left = jobs.length - count; left > 0; left--) await made.serve();
  await made.sim.control.wait({ what: "run-completed", run: run.id }, 60_000);
  const [world, fact] = made.taken(names, run.id);
  return { ...made, run: run.id, world, fact };
}
/** GitHub's times are whole seconds: what started in the second in which a job ended may depend on it. */
const slow = { simulator: { timings: { jobLockMs: 2_500 } } } satisfies LostOptions;
const begin = (made: Awaited<ReturnType<typeof withLost>>): Loop => {
  const loop = made.manage(made.world);
  loop.report(made.fact);
  return loop;
};

test("3 of 20 jobs are lost and one fails: the lost ones run again one by one, the failed one does not", async () => {
  const made = await lostJobs({ simulator: { timings: { jobLockMs: 2_000 } } });
  const run = await made.dispatch(Array.from({ length: 20 }, () => ({})));
  for (const name of ["m1", "m2", "m3"]) await made.vanish(name);
  const [world, taken] = made.taken(["m1", "m2", "m3"], run.id);
  const loop = made.manage(world);
  loop.report(taken);
  await made.serve("failed");
  for (let left = 16; left > 0; left--) await made.serve();
  for (let attempt = 2; attempt <= 4; attempt++) {
    const begun = () => made.sim.control.run(run.id).attempt === attempt;
    await made.sim.control.until(begun, `attempt ${attempt}`, 60_000);
    await made.serve();
  }
  await settled(loop);
  expect(reasons(loop)).toEqual({ m1: "rerun-made", m2: "rerun-made", m3: "rerun-made" });
  expect(calls(made)).toMatchObject({ failed: 0 });
  const last = made.sim.control.run(run.id);
  expect(last).toMatchObject({ attempt: 4, conclusion: "failure" });
  expect(present(made, run.id)[3]).toBe("job 4 failed other-1");
  expect(last.jobs.filter(({ conclusion }) => conclusion === "succeeded")).toHaveLength(19);
});

test("where all that failed is ours one call runs it again", async () => {
  const made = await withLost([{}, {}, {}], 2);
  const loop = begin(made);
  await settled(loop);
  expect(reasons(loop)).toEqual({ m1: "rerun-made", m2: "rerun-made" });
  expect(calls(made)).toEqual({ failed: 1, job: 0 });
  expect(present(made, made.run)).toEqual(["job 1 null null", "job 2 null null", "job 3 succeeded other-1"]);
});

test("while the run is in progress nothing is sent; GitHub's 403 is a wait, not a refusal", async () => {
  const made = await lostJobs({ simulator: { timings: { jobLockMs: 1_000 } } });
  const run = await made.dispatch([{}, {}]);
  await made.vanish("m1");
  await made.sim.control.wait({ what: "jobs", phase: "completed", count: 1 }, 60_000);
  const [world, taken] = made.taken(["m1"], run.id);
  const loop = made.manage(world);
  loop.report(taken);
  await eventually(() => expect(made.sim.control.calls()["rest.run"]).toBeGreaterThan(2));
  expect(calls(made)).toEqual({ failed: 0, job: 0 });
  for (const call of [{ do: "failed" }, { do: "job", job: run.jobs[0]!.id }] as const)
    expect(await made.github.rerun("acme/widgets", run.id, { ...call, losses: [] }, signal())).toBe("busy");
  await made.serve();
  await settled(loop);
  expect(reasons(loop)).toEqual({ m1: "rerun-made" });
});

test("GitHub's message names the run of a job of which only its runner was known", async () => {
  const made = await withLost([{}], 1);
  const [world, taken] = made.taken(["m1"], null);
  const loop = made.manage(world);
  loop.report(taken);
  expect(loop.world().losses.m1).toMatchObject({ run: null });
  const { news, seen } = await import("../facts.ts");
  loop.report(seen([news("completed", { runner: "m1", workflowRun: made.run, result: "failed" })]));
  await settled(loop);
  expect(reasons(loop)).toEqual({ m1: "rerun-made" });
});

describe("what is lost on the way", () => {
  test("the answer of a call that took effect: no second one", async () => {
    const made = await withLost([{}], 1);
    made.sim.control.setFault({ kind: "lost-answer", on: "rest.run-rerun-failed", count: 1 });
    const loop = begin(made);
    await made.sim.control.until(() => made.sim.control.run(made.run).attempt === 2, "the re-run", 60_000);
    await made.serve();
    await settled(loop);
    expect(reasons(loop)).toEqual({ m1: "rerun-made" });
    expect(made.sim.control.run(made.run)).toMatchObject({ attempt: 2, conclusion: "success" });
    expect(calls(made)).toEqual({ failed: 1, job: 0 });
  });

  test.each([
    { kind: "reset", on: "rest.run-rerun-failed", count: 1 },
    { kind: "status", on: "rest.run-rerun-failed", status: 502, count: 2 },
    { kind: "status", on: "rest.run", status: 500, count: 5 },
    { kind: "status", on: "rest.run-jobs", status: 503, count: 5 },
    { kind: "status", on: "rest.environments", status: 500, count: 4 },
  ] as const)("$kind at $on: it is asked again", async (fault) => {
    const made = await withLost([{}], 1);
    made.sim.control.setFault(fault);
    const loop = begin(made);
    await settled(loop);
    expect(reasons(loop)).toEqual({ m1: "rerun-made" });
    expect(made.sim.control.run(made.run).attempt).toBe(2);
  });

  test("the manager, after it asked and before it heard: the next one finds the run begun", async () => {
    const made = await withLost([{}], 1);
    made.sim.control.setFault({ kind: "delay", on: "rest.run-rerun-failed", delayMs: 300, count: 1 });
    const first = begin(made);
    await eventually(() => expect(calls(made).failed).toBe(1));
    first.stop();
    expect(first.world().losses.m1).toMatchObject({ reason: "rerun-waits", sends: 1 });
    await made.sim.control.until(() => made.sim.control.run(made.run).attempt === 2, "the re-run", 60_000);
    await made.serve();
    const second = made.manage({ ...first.world() });
    await settled(second);
    expect(reasons(second)).toEqual({ m1: "rerun-made" });
    expect(calls(made)).toEqual({ failed: 1, job: 0 });
  });
});

describe("what is not run again", () => {
  test("a job with an environment, while its neighbour is", async () => {
    const made = await withLost([{ environment: "live" }, {}], 2, slow);
    const loop = begin(made);
    await settled(loop);
    expect(reasons(loop)).toEqual({ m1: "rerun-left", m2: "rerun-made" });
    expect(calls(made)).toEqual({ failed: 0, job: 1 });
    expect(present(made, made.run)).toEqual(["job 1 failed m1", "job 2 null null"]);
  });

  test("what a person ran again meanwhile", async () => {
    const made = await withLost([{}], 1);
    await made.sim.control.rerun(made.run);
    await made.serve();
    const loop = begin(made);
    await settled(loop);
    expect(details(loop)).toEqual(["somebody ran it again already"]);
    expect(calls(made)).toEqual({ failed: 0, job: 0 });
  });

  test("a run that was deleted", async () => {
    const made = await withLost([{}], 1);
    const [world, taken] = made.taken(["m1"], made.run + 1_000);
    const loop = made.manage(world);
    loop.report(taken);
    await settled(loop);
    expect(details(loop)).toEqual(["its run was deleted, or this login may not see it"]);
  });

  test("what ended well although its machine was taken", async () => {
    const made = await lostJobs();
    const run = await made.dispatch([{}]);
    await made.serve();
    const [world, taken] = made.taken(["other-1"], run.id);
    const loop = made.manage(world);
    loop.report(taken);
    await settled(loop);
    expect(reasons(loop)).toEqual({ "other-1": "rerun-left" });
  });
});

const { privateKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

describe("the login of an App", () => {
  const app = (permissions: Record<string, "read" | "write">) => ({
    simulator: {
      ...slow.simulator,
      apps: [{ id: 5, publicKey, installations: [{ id: 6, account: "acme", permissions }] }],
    },
    harness: {
      login: { kind: "app", appId: 5, installationId: 6 } as const,
      secrets: { githubAppKey: privateKey },
    },
  });
  const enough = { administration: "write", metadata: "read", actions: "write" } as const;
  const held = ({ sim }: LostJobs) =>
    sim.control
      .tokens()
      .filter(({ kind }) => kind === "installation")
      .map(({ permissions }) => permissions);

  test("gets a token for re-runs alone, and none for deployments where there are no environments", async () => {
    const made = await withLost([{}], 1, app(enough));
    await settled(begin(made));
    expect(held(made)).toEqual([{ actions: "write", metadata: "read" }]);
  });

  test("gets another to read deployments where there are some", async () => {
    const made = await withLost([{}, { environment: "live" }], 1, app({ ...enough, deployments: "read" }));
    await settled(begin(made));
    expect(held(made)).toContainEqual({ deployments: "read", metadata: "read" });
    expect(made.sim.control.run(made.run).attempt).toBe(2);
  });

  test("without the right it says so once, with the cure, and goes on when it was given", async () => {
    const made = await withLost([{}], 1, app({ administration: "write", metadata: "read", actions: "read" }));
    const loop = begin(made);
    const lookedAgain = () => expect(loop.world().losses.m1!.looks).toBeGreaterThan(3);
    await eventually(lookedAgain);
    expect(loop.world().losses.m1).toMatchObject({ reason: "rerun-refused" });
    expect(details(loop)[0]).toContain('"Actions: read and write"');
    expect(made.lines.filter((line) => line.includes("not run again"))).toHaveLength(1);
    made.sim.control.installApp(5, { account: "acme", permissions: enough });
    await settled(loop);
    expect(reasons(loop)).toEqual({ m1: "rerun-made" });
  });

  test("that may not read deployments leaves alone what could be one", async () => {
    const made = await withLost([{}, { environment: "live" }], 1, app(enough));
    const loop = begin(made);
    await eventually(() => expect(reasons(loop)).toEqual({ m1: "rerun-refused" }));
    expect(details(loop)[0]).toContain('"Deployments: read"');
    expect(calls(made)).toEqual({ failed: 0, job: 0 });
  });
});
