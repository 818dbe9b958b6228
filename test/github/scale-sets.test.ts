import { describe, expect, it } from "vitest";
import { Client } from "./testing/client.ts";
import { start, startVirtual, startWithSet } from "./testing/start.ts";

const typeKey = async (response: Response) => ((await response.json()) as { typeKey: string }).typeKey;

describe("registration", () => {
  it("hands out an admin token with a real expiry, and refuses it afterwards", async () => {
    const { clock, client } = await startVirtual({ timings: { adminTokenMs: 60_000 } });
    const { exp } = JSON.parse(Buffer.from(client.adminToken.split(".")[1]!, "base64url").toString()) as {
      exp: number;
    };
    expect(exp).toBe(Math.floor(clock.now() / 1000) + 60);
    expect((await client.sets("GET")).status).toBe(200);
    await clock.advance(60_000);
    const refused = await client.sets("GET");
    expect([refused.status, await typeKey(refused)]).toEqual([401, "InvalidTokenException"]);
  });

  it("keeps the path prefix of the service, with a slash at its end only in ghes style", async () => {
    const urls = [];
    for (const style of ["github.com", "ghes"] as const) {
      const github = await start({ style });
      const { token } = (await (
        await new Client(github).rest("POST", "/orgs/acme/actions/runners/registration-token")
      ).json()) as { token: string };
      const response = await fetch(`${github.apiUrl}/actions/runner-registration`, {
        method: "POST",
        headers: { authorization: `RemoteAuth ${token}` },
        body: JSON.stringify({ url: github.organizationUrl, runner_event: "register" }),
      });
      urls.push(((await response.json()) as { url: string }).url.replace(github.url, ""));
    }
    expect(urls).toEqual(["/_services/pipelines", "/_services/pipelines/"]);
  });

  it("refuses a registration token for another scope", async () => {
    const github = await start();
    const organisation = await new Client(github, github.organizationUrl).rest(
      "POST",
      "/orgs/acme/actions/runners/registration-token",
    );
    const { token } = (await organisation.json()) as { token: string };
    const response = await fetch(`${github.apiUrl}/actions/runner-registration`, {
      method: "POST",
      headers: { authorization: `RemoteAuth ${token}` },
      body: JSON.stringify({ url: github.repositoryUrl, runner_event: "register" }),
    });
    expect(response.status).toBe(404);
  });
});

describe("scale sets", () => {
  it("are found by name and group, unique there, and apart per scope", async () => {
    const github = await start({
      groups: [
        { id: 1, name: "Default", allowsPublicRepositories: false },
        { id: 2, name: "Big", allowsPublicRepositories: true },
      ],
    });
    const client = await new Client(github).login();
    await client.createSet("pool", [], 1);
    await client.createSet("pool", ["x", "y"], 2);
    const again = await client.sets("POST", "", { name: "Pool", runnerGroupId: 2 });
    expect([again.status, await typeKey(again)]).toEqual([400, "RunnerScaleSetExistsException"]);
    const found = (await (await client.sets("GET", "?runnerGroupId=2&name=pool")).json()) as {
      count: number;
      value: { runnerGroupName: string; labels: { name: string }[] }[];
    };
    expect(found.count).toBe(1);
    expect(found.value[0]!.runnerGroupName).toBe("Big");
    expect(found.value[0]!.labels.map(({ name }) => name)).toEqual(["x", "y"]);
    const other = await new Client(github, github.organizationUrl).login();
    expect(((await (await other.sets("GET")).json()) as { count: number }).count).toBe(0);
    const groups = await client.call("GET", "runtime/runnergroups/?groupName=big");
    expect(await groups.json()).toMatchObject({ count: 1, value: [{ id: 2, isDefaultGroup: false }] });
  });

  it("take their name as label when none is given, and do not change labels", async () => {
    const { client } = await startWithSet({}, []);
    await client.sets("PATCH", `/${client.setId}`, {
      labels: [{ name: "new" }],
      RunnerSetting: { disableUpdate: true },
    });
    const set: unknown = await (await client.sets("GET", `/${client.setId}`)).json();
    expect(set).toMatchObject({ labels: [{ name: "pool" }], RunnerSetting: { disableUpdate: true } });
  });

  it("are gone after DELETE, and their jobs are anybody's again", async () => {
    const { github, client } = await startWithSet();
    const { jobs } = await github.control.dispatchJobs([{ labels: ["linux"] }]);
    await client.next(1);
    expect(github.control.job(jobs[0]!.id).phase).toBe("assigned");
    expect((await client.sets("DELETE", `/${client.setId}`)).status).toBe(204);
    expect(github.control.job(jobs[0]!.id).phase).toBe("queued");
    expect((await client.sets("GET", `/${client.setId}`)).status).toBe(404);
    expect((await client.poll(1)).status).toBe(404);
  });
});

describe("sessions", () => {
  it("are one per set: a second is 409 until the first is deleted", async () => {
    const { client } = await startWithSet();
    const refused = await client.openSession("second");
    expect([refused.status, await typeKey(refused)]).toEqual([409, "RunnerScaleSetSessionConflictException"]);
    expect((await client.closeSession()).status).toBe(204);
    const session = await client.open("second");
    expect(session.statistics).toMatchObject({ totalAssignedJobs: 0 });
  });

  it("block for a while after their owner vanished", async () => {
    const { clock, client } = await startVirtual({ timings: { deadSessionMs: 90_000 } });
    await clock.advance(89_000);
    expect((await client.openSession()).status).toBe(409);
    await clock.advance(1_000);
    expect((await client.openSession()).status).toBe(200);
  });

  it("refresh to a new token under the same id; the old token ends by itself", async () => {
    const { clock, client } = await startVirtual({ timings: { queueTokenMs: 10_000, holdMs: 0 } });
    const before = client.session!;
    await clock.advance(10_000);
    expect((await client.poll(1)).status).toBe(401);
    expect((await client.refresh()).status).toBe(200);
    expect(client.session!.sessionId).toBe(before.sessionId);
    expect(client.session!.messageQueueAccessToken).not.toBe(before.messageQueueAccessToken);
  });

  it("answer 404 to poll and refresh once evicted", async () => {
    const { github, client } = await startWithSet();
    const poll = client.poll(0);
    await github.control.wait({ what: "polling", count: 1 });
    github.control.evictSession(client.setId);
    expect((await poll).status).toBe(404);
    expect((await client.refresh()).status).toBe(404);
  });
});

describe("JIT configs", () => {
  it("register an offline record at once, under a name that exists once", async () => {
    const { client } = await startWithSet();
    const { id } = await client.mint("r1");
    const agent: unknown = await (
      await client.call("GET", "distributedtask/pools/0/agents?agentName=r1")
    ).json();
    expect(agent).toMatchObject({
      count: 1,
      value: [{ id, status: "offline", ephemeral: true, runnerScaleSetId: 1 }],
    });
    const again = await client.jit("R1");
    expect([again.status, await typeKey(again)]).toEqual([409, "AgentExistsException"]);
    expect((await client.call("DELETE", `distributedtask/pools/0/agents/${id}`)).status).toBe(204);
    const gone = await client.call("GET", `distributedtask/pools/0/agents/${id}`);
    expect([gone.status, await typeKey(gone)]).toEqual([404, "AgentNotFoundException"]);
    expect((await client.jit("r1")).status).toBe(200);
  });

  it("lose their record when never used", async () => {
    const { clock, github, client } = await startVirtual({ timings: { unstartedRegistrationMs: 5_000 } });
    await client.mint("r1");
    await clock.advance(5_000);
    expect(github.control.runners()).toEqual([]);
  });
});
