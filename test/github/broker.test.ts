import { describe, expect, it } from "vitest";
import type { DeleteOutcome } from "./options.ts";
import { ScriptedRunner } from "./testing/scripted-runner.ts";
import { startVirtual, startWithSet } from "./testing/start.ts";

const one = [{ labels: ["linux"], name: "build" }];

/** A job, assigned, and an online runner for it. */
async function assigned(options = {}) {
  const { github, client } = await startWithSet(options);
  const { jobs } = await github.control.dispatchJobs(one);
  await client.next(10);
  const { id, config } = await client.mint("r1");
  const runner = await new ScriptedRunner(config).online();
  const remove = () => client.call("DELETE", `distributedtask/pools/0/agents/${id}`);
  return { github, client, runner, runnerId: id, jobId: jobs[0]!.id, config, remove };
}

describe("a runner's credentials", () => {
  it("are proven by the key of its own config", async () => {
    const { client } = await startWithSet();
    const [first, second] = [await client.mint("r1"), await client.mint("r2")].map(
      ({ config }) => new ScriptedRunner(config),
    );
    const { clientId } = first!.files[".credentials"]!["Data"] as { clientId: string };
    const forged = await first!.authorize(second!.assertion({ sub: clientId, iss: clientId }));
    expect([forged.status, ((await forged.json()) as { error: string }).error]).toEqual([
      400,
      "invalid_client",
    ]);
    expect((await first!.authorize(first!.assertion({ exp: 1 }))).status).toBe(400);
    expect((await first!.authorize(first!.assertion({ aud: "https://elsewhere" }))).status).toBe(400);
    expect((await first!.authorize()).status).toBe(200);
  });

  it("are refused once its one job is done, its record gone", async () => {
    const { github, runner, config, remove } = await assigned();
    const { request, job } = await runner.take();
    expect((await remove()).status).toBe(400);
    await runner.complete(request, job);
    expect(github.control.runners()).toEqual([]);
    expect((await runner.poll()).status).toBe(404);
    expect((await runner.openSession()).status).toBe(404);
    expect((await new ScriptedRunner(config).authorize()).status).toBe(400);
    expect((await runner.closeSession()).status).toBe(204);
  });

  it("open no second session while one is heard of", async () => {
    const { config } = await assigned();
    const copy = new ScriptedRunner(config);
    await copy.authorize();
    expect((await copy.openSession()).status).toBe(409);
  });
});

describe("a runner", () => {
  it("is told of its job while it polls, and serves it", async () => {
    const { github, client } = await startWithSet();
    const { config } = await client.mint("r1");
    const served = new ScriptedRunner(config).serveOne();
    await github.control.wait({ what: "runners", count: 1, status: "online" });
    const { jobs, id } = await github.control.dispatchJobs(one);
    await client.next(1);
    const message = await served;
    expect(message).toMatchObject({
      jobDisplayName: "build",
      jobId: jobs[0]!.uuid,
      system: { resultsUrl: `${github.url}/` },
    });
    await github.control.wait({ what: "run-completed", run: id });
    expect(github.control.run(id)).toMatchObject({
      conclusion: "success",
      jobs: [{ runnerName: "r1", conclusion: "succeeded" }],
    });
  });

  it("hears of a job again until it acknowledges it", async () => {
    const { runner } = await assigned();
    const [first, second] = [await runner.message(), await runner.message()];
    expect(second).toEqual(first);
  });

  it("gets the same job again when it asks again, and may end it twice", async () => {
    const { runner } = await assigned();
    const { request, job } = await runner.take();
    expect(await (await runner.acquire(request)).json()).toMatchObject({ jobId: job.jobId });
    expect((await runner.complete(request, job)).status).toBe(200);
    expect((await runner.complete(request, job)).status).toBe(200);
  });

  it("never gets a second job with the same config, even while its record lingers", async () => {
    const { github, client, runner } = await assigned({ timings: { holdMs: 30 } });
    github.control.setFault({ kind: "record-lingers", count: 1 });
    const { request, job } = await runner.take();
    await runner.complete(request, job);
    expect(github.control.runners()).toHaveLength(1);
    await github.control.dispatchJobs(one);
    await client.next(10, 100_000_003);
    expect((await runner.poll()).status).toBe(202);
  });

  it("is busy and undeletable while its job runs, over REST too", async () => {
    const { client, runner, runnerId } = await assigned();
    await runner.take();
    const path = `/repos/acme/widgets/actions/runners/${runnerId}`;
    expect(await (await client.rest("GET", path)).json()).toMatchObject({
      busy: true,
      status: "online",
      labels: [],
    });
    expect((await client.rest("DELETE", path)).status).toBe(422);
  });

  it("is told that its job is canceled", async () => {
    const { github, runner, jobId } = await assigned();
    const { request, job } = await runner.take();
    github.control.cancelJob(jobId);
    const message = await runner.message();
    expect([message.messageType, JSON.parse(message.body)]).toEqual([
      "JobCancellation",
      { jobId: job.jobId, timeout: "00:05:00" },
    ]);
    await runner.complete(request, job, "canceled");
    expect(github.control.job(jobId).conclusion).toBe("canceled");
  });

  it("adds lines to its job's log", async () => {
    const { client, runner, jobId } = await assigned();
    const { request } = await runner.take();
    expect((await runner.log(request, "one\n")).status).toBe(204);
    await runner.log(request, "two\n");
    const logs = await client.rest("GET", `/repos/acme/widgets/actions/jobs/${jobId}/logs`);
    expect(await logs.text()).toBe("one\ntwo\n");
  });
});

describe("time", () => {
  it("fails a job that is not renewed, and leaves the runner's record", async () => {
    const { clock, github, client } = await startVirtual();
    const { jobs } = await github.control.dispatchJobs(one);
    await client.next(1);
    const runner = await new ScriptedRunner((await client.mint("r1")).config, clock.now).online();
    const { request, job } = await runner.take();
    await clock.advance(599_000);
    expect((await runner.renew(request, job)).status).toBe(200);
    await clock.advance(599_000);
    expect(github.control.job(jobs[0]!.id).phase).toBe("running");
    await clock.advance(1_000);
    expect(github.control.job(jobs[0]!.id).conclusion).toBe("failed");
    expect(github.control.runners()).toMatchObject([{ name: "r1", status: "offline", busy: false }]);
  });

  it("takes a delivered job back that nobody acquires", async () => {
    const { clock, github, client } = await startVirtual();
    const { jobs } = await github.control.dispatchJobs(one);
    await client.next(1);
    const runner = await new ScriptedRunner((await client.mint("r1")).config, clock.now).online();
    const request = await runner.request();
    await clock.advance(60_000);
    expect(github.control.job(jobs[0]!.id).phase).toBe("assigned");
    expect((await runner.acquire(request)).status).toBe(404);
  });

  it("removes idle registrations when told to", async () => {
    const { clock, github, client } = await startVirtual({ timings: { idleRegistrationMs: 120_000 } });
    const runner = await new ScriptedRunner((await client.mint("r1")).config, clock.now).online();
    const poll = runner.poll();
    await github.control.wait({ what: "calls", endpoint: "broker.message", count: 1 });
    await clock.advance(50_000);
    expect((await poll).status).toBe(202);
    await clock.advance(70_000);
    expect((await runner.poll()).status).toBe(404);
  });
});

describe("a DELETE between delivered and acquired", () => {
  const race = async (deleteRace: DeleteOutcome | "seeded", seed = 1) => {
    const setup = await assigned({ deleteRace, seed, timings: { reofferMs: 50 } });
    const request = await setup.runner.request();
    const deleted = (await setup.remove()).status;
    const acquired = (await setup.runner.acquire(request)).status;
    return { ...setup, outcome: [deleted, acquired] };
  };

  it("may be refused", async () => {
    const { outcome, github } = await race("refused");
    expect(outcome).toEqual([400, 200]);
    expect(github.control.runners()).toHaveLength(1);
  });

  it("may win: the acquisition fails and the job is offered again", async () => {
    const { outcome, github, client, jobId } = await race("acquire-fails");
    expect(outcome).toEqual([204, 404]);
    await github.control.wait({ what: "job", job: jobId, phase: "assigned" });
    await new ScriptedRunner((await client.mint("r2")).config).serveOne();
    expect(github.control.job(jobId)).toMatchObject({
      conclusion: "succeeded",
      runnerName: "r2",
      assignments: 1,
    });
  });

  it("may come too late: the record goes and the job runs", async () => {
    const { outcome, github, jobId } = await race("job-starts");
    expect(outcome).toEqual([204, 200]);
    expect(github.control.runners()).toEqual([]);
    expect(github.control.job(jobId).phase).toBe("running");
  });

  it("is drawn by seed: the same seed, the same outcome, and all three happen", async () => {
    const outcomes = new Set<string>();
    for (const seed of [1, 2, 3, 4, 5, 6, 7, 8]) {
      const [first, second] = [await race("seeded", seed), await race("seeded", seed)];
      expect(second.outcome).toEqual(first.outcome);
      outcomes.add(first.outcome.join());
    }
    expect([...outcomes].sort()).toEqual(["204,200", "204,404", "400,200"]);
  });
});
