import { describe, expect, it } from "vitest";
import { entriesOf } from "./testing/client.ts";
import { ScriptedRunner } from "./testing/scripted-runner.ts";
import { startVirtual, startWithSet } from "./testing/start.ts";

const jobs = (count: number, labels = ["self-hosted", "linux"]) =>
  Array.from({ length: count }, (_, index) => ({ labels, name: `j${index}` }));

describe("the long poll", () => {
  it("is held, then 202 without a body", async () => {
    const { clock, github, client } = await startVirtual();
    const poll = client.poll(1);
    await github.control.wait({ what: "polling", count: 1 });
    await clock.advance(50_000);
    const response = await poll;
    expect([response.status, await response.text()]).toEqual([202, ""]);
  });

  it("wakes when a job comes", async () => {
    const { github, client } = await startWithSet();
    const next = client.next(1);
    await github.control.wait({ what: "polling", count: 1 });
    await github.control.dispatchJobs([{ labels: ["Self-Hosted"], name: "build" }]);
    const message = await next;
    expect(message).toMatchObject({
      messageId: 100_000_001,
      messageType: "RunnerScaleSetJobMessages",
      statistics: { totalAssignedJobs: 1, totalAvailableJobs: 0 },
    });
    expect(entriesOf(message)).toMatchObject([
      {
        messageType: "JobAssigned",
        runnerRequestId: 0,
        jobDisplayName: "build",
        requestLabels: ["Self-Hosted"],
      },
    ]);
  });

  it("assigns no more than the capacity that the poll names, and shows what it holds back", async () => {
    const { github, client } = await startWithSet();
    await github.control.dispatchJobs(jobs(5));
    const first = await client.next(2);
    expect(entriesOf(first)).toHaveLength(2);
    expect(first.statistics).toMatchObject({ totalAssignedJobs: 2, totalAvailableJobs: 3 });
    const second = await client.next(3, first.messageId);
    expect(entriesOf(second)).toHaveLength(1);
    const rest = await client.next(null, second.messageId);
    expect(entriesOf(rest)).toHaveLength(2);
  });

  it("with capacity 0 leaves every job waiting", async () => {
    const { github, client } = await startWithSet({ timings: { holdMs: 20 } });
    await github.control.dispatchJobs(jobs(1));
    expect((await client.poll(0)).status).toBe(202);
    expect(github.control.jobs()[0]).toMatchObject({ phase: "queued", assignments: 0 });
  });

  it("puts at most 50 entries into one message", async () => {
    const { github, client } = await startWithSet();
    await github.control.dispatchJobs(jobs(70));
    const first = await client.next(100);
    const second = await client.next(100, first.messageId);
    expect([first, second].map((message) => entriesOf(message).length)).toEqual([50, 20]);
  });

  it("takes no job with a label that the set lacks", async () => {
    const { github, client } = await startWithSet({ timings: { holdMs: 20 } });
    await github.control.dispatchJobs(jobs(1, ["self-hosted", "linux", "gpu"]));
    expect((await client.poll(5)).status).toBe(202);
  });

  it("is given up when the client hangs up", async () => {
    const { github, client } = await startWithSet();
    const abort = new AbortController();
    const poll = client.poll(0, 0, abort.signal).catch(() => "aborted");
    await github.control.wait({ what: "polling", count: 1 });
    abort.abort();
    expect(await poll).toBe("aborted");
    await github.control.wait({ what: "polling", count: 0, exactly: true });
  });
});

describe("the log", () => {
  it("replays to a new session whatever was not deleted", async () => {
    const { github, client } = await startWithSet();
    await github.control.dispatchJobs(jobs(1));
    const first = await client.next(1);
    await github.control.dispatchJobs(jobs(1));
    const second = await client.next(2, first.messageId);
    expect((await client.acknowledge(second.messageId)).status).toBe(204);
    expect((await client.acknowledge(second.messageId)).status).toBe(404);
    await client.closeSession();
    await client.open("next");
    expect((await client.next(2)).messageId).toBe(first.messageId);
    await client.acknowledge(first.messageId);
    const [scaleSet] = github.control.scaleSets();
    expect(scaleSet).toMatchObject({ messages: 0, statistics: { totalAssignedJobs: 2 } });
  });

  it("tells of start and end with the runner's name", async () => {
    const { github, client } = await startWithSet();
    const { jobs: made } = await github.control.dispatchJobs(jobs(1));
    const assigned = await client.next(1);
    const { config } = await client.mint("r1");
    await new ScriptedRunner(config).serveOne("failed");
    const started = await client.next(1, assigned.messageId);
    const completed = await client.next(1, started.messageId);
    expect(entriesOf(started)).toMatchObject([
      { messageType: "JobStarted", runnerName: "r1", jobId: made[0]!.uuid },
    ]);
    expect(entriesOf(completed)).toMatchObject([
      { messageType: "JobCompleted", runnerName: "r1", result: "failed" },
    ]);
  });
});

describe("a job that nobody picks up", () => {
  it("is canceled and assigned again three times, then stuck", async () => {
    const { clock, github, client } = await startVirtual({ timings: { pickupMs: 300_000, holdMs: 0 } });
    const { jobs: made } = await github.control.dispatchJobs(jobs(1));
    const seen: string[] = [];
    let last = 0;
    for (let minute = 0; minute < 60; minute++) {
      await client.refresh();
      for (;;) {
        const response = await client.poll(1, last);
        if (response.status !== 200) break;
        const message = (await response.json()) as {
          messageId: number;
          messageType: string;
          body: string;
          statistics: Record<string, number>;
        };
        last = message.messageId;
        seen.push(...entriesOf(message).map(({ messageType, result }) => result ?? messageType));
      }
      await clock.advance(60_000);
      await client.login();
    }
    expect(seen).toEqual(Array.from({ length: 4 }, () => ["JobAssigned", "canceled"]).flat());
    expect(github.control.job(made[0]!.id)).toMatchObject({ stuck: true, phase: "queued", assignments: 4 });
  });

  it("stays assigned when reassignment is off", async () => {
    const { clock, github, client } = await startVirtual({ timings: { pickupMs: null } });
    await github.control.dispatchJobs(jobs(1));
    await client.next(1);
    await clock.advance(3_600_000);
    expect(github.control.jobs()[0]).toMatchObject({ phase: "assigned", assignments: 1 });
  });
});

describe("ghes style", () => {
  it("offers, and assigns what the client acquires with its queue token", async () => {
    const { github, client } = await startWithSet({ style: "ghes" });
    await github.control.dispatchJobs(jobs(3));
    const offer = await client.next(2);
    const offered = entriesOf(offer);
    expect(offered.map(({ messageType }) => messageType)).toEqual(["JobAvailable", "JobAvailable"]);
    expect(offer.statistics).toMatchObject({ totalAvailableJobs: 3, totalAssignedJobs: 0 });
    const ids = offered.map(({ runnerRequestId }) => runnerRequestId);
    const path = `/${client.setId}/acquirejobs`;
    expect((await client.sets("POST", path, ids)).status).toBe(401);
    const acquired = await client.sets("POST", path, [...ids, 999], client.session!.messageQueueAccessToken);
    expect(await acquired.json()).toEqual({ count: 2, value: ids });
    const assigned = await client.next(2, offer.messageId);
    expect(entriesOf(assigned).map(({ messageType }) => messageType)).toEqual(["JobAssigned", "JobAssigned"]);
    expect(assigned.statistics).toMatchObject({ totalAvailableJobs: 1, totalAssignedJobs: 2 });
  });

  it("lists what is offered, and keeps the queue address's query", async () => {
    const { github, client } = await startWithSet({ style: "ghes" });
    expect(client.session!.messageQueueUrl).toMatch(/\?sessionId=.+&api-version=6.0-preview$/);
    expect((await client.sets("GET", `/${client.setId}/acquirablejobs`)).status).toBe(204);
    await github.control.dispatchJobs(jobs(1));
    const { messageId } = await client.next(null);
    const listed: unknown = await (await client.sets("GET", `/${client.setId}/acquirablejobs`)).json();
    expect(listed).toMatchObject({ count: 1 });
    expect((await client.acknowledge(messageId)).status).toBe(204);
  });

  it("is not github.com: there acquiring is 404", async () => {
    const { client } = await startWithSet();
    const response = await client.sets(
      "POST",
      `/${client.setId}/acquirejobs`,
      [1],
      client.session!.messageQueueAccessToken,
    );
    expect(response.status).toBe(404);
  });
});
