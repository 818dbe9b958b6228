/** GitHub's side of the manager against the simulator, in both of GitHub's styles: whole jobs, capacity, the end. */
import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { deadline, realClock } from "../../../../agent/manager/deps.ts";
import { Client } from "../../../github/testing/client.ts";
import { ScriptedRunner } from "../../../github/testing/scripted-runner.ts";
import { start } from "../../../github/testing/start.ts";
import { eventually, harness, signal } from "./harness.ts";
import { jobs, labels, of, serve, styles, world } from "./world.ts";

test.each(styles)(
  "%s: jobs are assigned, run on runners that were registered for them, and are told to their end",
  async (style) => {
    const made = await world({ style });
    made.github.capacity("a", 5);
    const run = await made.sim.control.dispatchJobs(jobs(3));
    await eventually(() => expect(of(made, "assigned")).toHaveLength(3));
    expect(made.lastStatistics()).toMatchObject({ assigned: 3, running: 0 });
    await serve(made, 3);
    await eventually(() => expect(of(made, "completed")).toHaveLength(3));
    expect(made.sim.control.run(run.id).conclusion).toBe("success");
    expect(new Set(made.news().flatMap(({ runner }) => runner ?? []))).toEqual(
      new Set(["runner-0", "runner-1", "runner-2"]),
    );
    await eventually(() => expect(made.lastStatistics()).toMatchObject({ assigned: 0, running: 0 }));
    expect(made.failed()).toEqual([]);
  },
);

test.each(styles)(
  "%s: jobs above the capacity stay at GitHub; a risen capacity takes them within the held poll",
  async (style) => {
    const made = await world({ style });
    made.github.capacity("a", 2);
    await made.sim.control.dispatchJobs(jobs(5));
    await eventually(() => expect(of(made, "assigned")).toHaveLength(2));
    expect(made.sim.control.jobs().filter(({ phase }) => phase === "queued")).toHaveLength(3);
    await made.sim.control.wait({ what: "polling", count: 1 });
    const beganMs = performance.now();
    made.github.capacity("a", 4);
    await eventually(() => expect(of(made, "assigned")).toHaveLength(4));
    // The poll would be held for 50 s.
    expect(performance.now() - beganMs).toBeLessThan(25_000);
    made.github.capacity("a", 9);
    await eventually(() => expect(of(made, "assigned")).toHaveLength(5));
  },
);

test.each(styles)("%s: with capacity 0 nothing is taken, and what waits is seen", async (style) => {
  const made = await world({ style, timings: { holdMs: 30 } }, { timings: { emptyPollMsMin: 5 } });
  await made.sim.control.dispatchJobs(jobs(4));
  await eventually(() => expect(made.seen().length).toBeGreaterThan(3));
  expect(made.sim.control.jobs().map(({ phase }) => phase)).toEqual(["queued", "queued", "queued", "queued"]);
  expect(made.sim.control.calls()["scale-set.acquire"]).toBeUndefined();
});

test.each(styles)("%s: 120 jobs arrive in messages of 50, each told once", async (style) => {
  const made = await world({ style });
  made.github.capacity("a", 200);
  await made.sim.control.dispatchJobs(jobs(120));
  await eventually(() => expect(of(made, "assigned")).toHaveLength(120), 10_000);
  expect(made.news().filter(({ is }) => is === "assigned")).toHaveLength(120);
  await eventually(() => expect(made.lastStatistics()!.assigned).toBe(120));
});

test("jobs queued before the scale set existed are taken when it appears", async () => {
  const sim = await start();
  await sim.control.dispatchJobs(jobs(2));
  const made = harness({ url: sim.repositoryUrl, secrets: { githubToken: sim.token } });
  made.github.start(made.config);
  made.github.capacity("a", 2);
  await eventually(() => expect(made.news().map(({ is }) => is)).toEqual(["assigned", "assigned"]));
});

test("two pools have two sets, and each gets the jobs of its labels", async () => {
  const made = await world({}, { pools: { a: {}, b: { labels: ["gpu"] } } });
  for (const pool of ["a", "b"]) made.github.capacity(pool, 5);
  await made.sim.control.dispatchJobs([...jobs(2), ...jobs(3, ["gpu"])]);
  await eventually(() => expect(made.lastStatistics("a")?.assigned).toBe(2));
  await eventually(() => expect(made.lastStatistics("b")?.assigned).toBe(3));
  expect(
    made.sim.control
      .scaleSets()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(["muster-test-a", "muster-test-b"]);
});

test("somebody else's open session: nothing is done with the pool until GitHub gives it up, then everything", async () => {
  const sim = await start();
  const client = await new Client(sim).login();
  const { id } = await client.createSet("muster-test-a", labels);
  await client.open("another manager");
  const made = harness({ url: sim.repositoryUrl, secrets: { githubToken: sim.token } });
  made.github.start(made.config);
  made.github.capacity("a", 2);
  await sim.control.dispatchJobs(jobs(1));
  await eventually(() => expect(made.failed().length).toBeGreaterThan(3));
  expect(made.seen()).toEqual([]);
  sim.control.evictSession(id);
  await eventually(() => expect(made.news()).toHaveLength(1));
});

test("a manager that crashed with its session open has it again at once", async () => {
  const sim = await start();
  const options = { url: sim.repositoryUrl, secrets: { githubToken: sim.token } };
  const first = harness(options);
  first.github.start(first.config);
  await sim.control.wait({ what: "polling", count: 1 });
  const second = harness({ ...options, directory: first.directory });
  second.github.start(second.config);
  await eventually(() => expect(second.seen()).not.toHaveLength(0));
  expect(second.failed()).toEqual([]);
});

test("a busy runner is not removed, an idle one is, one that is gone counts as gone", async () => {
  const made = await world({});
  made.github.capacity("a", 5);
  await made.sim.control.dispatchJobs(jobs(1));
  const { runnerId, jitConfig } = await eventually(() => made.github.mint("a", "runner", signal()));
  const runner = await new ScriptedRunner(jitConfig).online();
  const { request, job } = await runner.take();
  expect(await made.github.remove("a", { id: runnerId, name: "runner" }, signal())).toBe("busy");
  await runner.complete(request, job);
  expect(await made.github.remove("a", { id: runnerId, name: "runner" }, signal())).toBe("gone");
  const idle = await made.github.mint("a", "idle", signal());
  expect(await made.github.remove("a", { id: idle.runnerId, name: "idle" }, signal())).toBe("gone");
  expect(made.sim.control.runners()).toEqual([]);
});

test("an App with the two rights that it needs, and no other, is enough", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const installations = [
    { id: 4711, account: "acme", permissions: { administration: "write", metadata: "read" } as const },
  ];
  const made = await world(
    { apps: [{ id: 12, publicKey, installations }] },
    { login: { kind: "app", appId: 12, installationId: 4711 }, secrets: { githubAppKey: privateKey } },
  );
  await made.sim.control.wait({ what: "polling", count: 1 });
  made.sim.control.revokeTokens("installation");
  made.sim.control.revokeTokens("admin");
  made.github.capacity("a", 1);
  await made.sim.control.dispatchJobs(jobs(1));
  await eventually(() => expect(of(made, "assigned")).toHaveLength(1));
  await eventually(() => made.github.mint("a", "runner", signal()));
  expect(made.failed()).toEqual([]);
});

test("dropped labels are told", async () => {
  const sim = await start();
  sim.control.setFault({ kind: "labels-dropped", count: 1 });
  const secrets = { githubToken: sim.token };
  const made = harness({ url: sim.repositoryUrl, source: "scale-sets", secrets });
  made.github.start(made.config);
  await eventually(() => expect(made.seen()[0]?.labelsDropped).toEqual(["linux"]));
});

test("forget leaves nothing at GitHub but what still runs, and names that", async () => {
  const made = await world({}, { pools: { a: {}, b: { labels: ["gpu"] } } });
  made.github.capacity("a", 5);
  await made.sim.control.dispatchJobs(jobs(1));
  await eventually(() => expect(of(made, "assigned")).toHaveLength(1));
  const { jitConfig } = await made.github.mint("a", "busy", signal());
  const runner = await new ScriptedRunner(jitConfig).online();
  const { request, job } = await runner.take();
  await eventually(() => made.github.mint("b", "idle", signal()));
  expect(await made.github.forget(signal())).toEqual(["runner busy: a job still runs on it"]);
  expect(made.sim.control.scaleSets()).toEqual([]);
  expect(made.sim.control.runners().map(({ name }) => name)).toEqual(["busy"]);
  await runner.complete(request, job);
  const again = harness({
    url: made.sim.repositoryUrl,
    secrets: { githubToken: made.sim.token },
    directory: made.directory,
  });
  expect(await again.github.forget(signal())).toEqual([]);
  expect(made.sim.control.runners()).toEqual([]);
});

test("forget ends when its time is over", async () => {
  const made = await world({});
  await made.sim.control.wait({ what: "polling", count: 1 });
  made.sim.control.setFault({ kind: "hang", on: "scale-set.list" });
  const limit = deadline(realClock(), 100, "clearing up at GitHub");
  await expect(made.github.forget(limit.signal)).rejects.toThrow("listing scale sets");
  limit.done();
});

test("stop leaves no session behind", async () => {
  const made = await world({});
  await made.sim.control.wait({ what: "polling", count: 1 });
  await made.github.stop();
  const client = await new Client(made.sim).login();
  client.setId = made.sim.control.scaleSets()[0]!.id;
  expect((await client.openSession()).status).toBe(200);
});

test("no secret that GitHub handed out is in a log line or a fact", async () => {
  const made = await world({ style: "ghes" });
  made.github.capacity("a", 5);
  made.sim.control.setFault({ kind: "status", on: "*", status: 500, count: 6 });
  made.sim.control.setFault({ kind: "lost-answer", on: "*", count: 3 });
  await made.sim.control.dispatchJobs(jobs(2));
  await eventually(() => expect(made.lastStatistics()?.assigned).toBe(2));
  await serve(made, 2);
  await eventually(() => expect(of(made, "completed")).toHaveLength(2));
  const said = made.lines.join("") + JSON.stringify(made.facts);
  const secrets = made.sim.control.issuedSecrets();
  expect(secrets.length).toBeGreaterThan(5);
  expect(secrets.filter(({ marker }) => said.includes(marker))).toEqual([]);
});
