import { describe, expect, it } from "vitest";
import { matches, protocolFaults, type ProtocolFault } from "./core/faults.ts";
import { Client, entriesOf, type Message } from "./testing/client.ts";
import { ScriptedRunner } from "./testing/scripted-runner.ts";
import { start, startVirtual, startWithSet } from "./testing/start.ts";

type Setup = Awaited<ReturnType<typeof startWithSet>>;
const job = [{ labels: ["linux"] }];

/** What a client sees of each protocol fault; none without it. */
const symptoms: Record<ProtocolFault, (setup: Setup) => Promise<unknown>> = {
  "session-conflict": async ({ client }) => {
    await client.closeSession();
    return (await client.openSession()).status === 409;
  },
  "session-without-queue-url": async ({ client }) => {
    await client.closeSession();
    return (await client.open()).messageQueueUrl === "";
  },
  "session-evicted": async ({ client }) => (await client.refresh()).status === 404,
  "session-expired": async ({ client }) => {
    const response = await client.refresh();
    return (
      response.status === 400 && (await response.text()).includes("RunnerScaleSetSessionExpiredException")
    );
  },
  "queue-token-expired": async ({ client }) => {
    const refused = (await client.poll(1)).status === 401;
    return refused && (await client.refresh()).ok && (await client.poll(1)).ok;
  },
  "admin-token-expired": async ({ client }) => {
    const refused = (await client.sets("GET")).status === 401;
    return refused && (await (await client.login()).sets("GET")).ok;
  },
  "poll-empty-body": async ({ client }) => {
    const response = await client.poll(1);
    return response.status === 200 && (await response.text()) === "";
  },
  "statistics-zero": async ({ github, client }) => {
    await github.control.dispatchJobs(job);
    const message = await client.next(1);
    return entriesOf(message).length === 1 && message.statistics["totalAssignedJobs"] === 0;
  },
  "unknown-entry": async ({ github, client }) => {
    await github.control.dispatchJobs(job);
    return entriesOf(await client.next(1)).length === 2;
  },
  "unknown-message": async ({ github, client }) => {
    await github.control.dispatchJobs(job);
    return (await client.next(1)).messageType !== "RunnerScaleSetJobMessages";
  },
  "scale-set-deleted": async ({ client }) => {
    return (
      (await client.poll(1)).status === 404 && (await client.sets("GET", `/${client.setId}`)).status === 404
    );
  },
  "labels-dropped": async ({ client }) => (await client.createSet("second", ["a", "b"])).labels.length === 1,
  "rate-limit-exhausted": async ({ client }) => {
    const response = await client.rest("GET", "/repos/acme/widgets");
    return response.status === 403 && response.headers.get("x-ratelimit-remaining") === "0";
  },
  "secondary-limit": async ({ client }) => {
    const response = await client.rest("GET", "/repos/acme/widgets");
    return response.status === 403 && response.headers.get("retry-after") !== null;
  },
  "jit-name-conflict": async ({ client }) => (await client.jit("r1")).status === 409,
  "runner-busy": async ({ client }) => {
    const { id } = await client.mint("r1");
    return (await client.call("DELETE", `distributedtask/pools/0/agents/${id}`)).status === 400;
  },
  "completion-lost": async ({ github, client }) => {
    await serve({ github, client });
    return (await seen(client)).join() === "JobAssigned,JobStarted";
  },
  "completion-early": async ({ github, client }) => {
    await serve({ github, client }, false);
    return (await seen(client)).join() === "JobAssigned,JobStarted,JobCompleted";
  },
  "record-lingers": async ({ github, client }) => {
    await serve({ github, client });
    return github.control.runners().length === 1;
  },
  "version-deprecated": async ({ client }) => {
    const runner = new ScriptedRunner((await client.mint("r1")).config);
    await runner.authorize();
    return (await runner.openSession()).status === 403;
  },
};

/** One job on one runner, ended or left running. */
async function serve({ github, client }: Setup, complete = true): Promise<void> {
  await github.control.dispatchJobs(job);
  await client.next(1);
  const runner = await new ScriptedRunner((await client.mint("r1")).config).online();
  const { request, job: taken } = await runner.take();
  if (complete) await runner.complete(request, taken);
}

async function seen(client: Client): Promise<string[]> {
  const types: string[] = [];
  for (let last = 0; ;) {
    const response = await client.poll(0, last);
    if (response.status !== 200) return types;
    const message = (await response.json()) as Message;
    last = message.messageId;
    types.push(...entriesOf(message).map(({ messageType }) => messageType));
  }
}

describe("protocol faults", () => {
  const setup = () => startWithSet({ timings: { holdMs: 20 } });

  it.each(Object.keys(protocolFaults) as ProtocolFault[])("%s shows once, and not before", async (kind) => {
    expect(await symptoms[kind](await setup())).toBe(false);
    const struck = await setup();
    struck.github.control.setFault({ kind, count: 1 });
    expect(await symptoms[kind](struck)).toBe(true);
    expect(struck.github.control.faults()).toEqual([]);
  });

  it("last as long as they are told to", async () => {
    const { clock, github, client } = await startVirtual();
    await client.closeSession();
    github.control.setFault({ kind: "session-conflict", forMs: 600_000 });
    await clock.advance(599_000);
    expect((await client.openSession()).status).toBe(409);
    await clock.advance(1_000);
    expect((await client.openSession()).status).toBe(200);
  });
});

describe("faults of transport", () => {
  it("answer a status, with retry-after, a number of times", async () => {
    const { github, client } = await startWithSet();
    github.control.setFault({ kind: "status", on: "rest.*", status: 429, retryAfterSeconds: 7, count: 1 });
    const struck = await client.rest("GET", "/repos/acme/widgets");
    expect([struck.status, struck.headers.get("retry-after")]).toEqual([429, "7"]);
    expect((await client.rest("GET", "/repos/acme/widgets")).status).toBe(200);
  });

  it("strike only what they name, before it takes effect", async () => {
    const { github, client } = await startWithSet();
    const id = github.control.setFault({
      kind: "status",
      on: "POST /_services/*/generatejitconfig",
      status: 503,
    });
    expect((await client.jit("r1")).status).toBe(503);
    expect((await client.sets("GET")).status).toBe(200);
    expect(github.control.runners()).toEqual([]);
    github.control.clearFaults(id);
    expect((await client.jit("r1")).status).toBe(200);
  });

  it("reset the connection before the call takes effect", async () => {
    const { github, client } = await startWithSet();
    github.control.setFault({ kind: "reset", on: "scale-set.jit", count: 1 });
    await expect(client.jit("r1")).rejects.toThrow();
    expect(github.control.runners()).toEqual([]);
  });

  it("lose the answer after the call took effect", async () => {
    const { github, client } = await startWithSet();
    github.control.setFault({ kind: "lost-answer", on: "scale-set.jit", count: 1 });
    await expect(client.jit("r1")).rejects.toThrow();
    expect(github.control.runners()).toMatchObject([{ name: "r1" }]);
    expect((await client.jit("r1")).status).toBe(409);
  });

  it("delay", async () => {
    const { clock, github, client } = await startVirtual();
    github.control.setFault({ kind: "delay", on: "scale-set.list", delayMs: 5_000, count: 1 });
    let answered = false;
    const call = client.sets("GET").then(() => (answered = true));
    await github.control.wait({ what: "calls", endpoint: "scale-set.list", count: 1 });
    await clock.advance(4_999);
    expect(answered).toBe(false);
    await clock.advance(1);
    await call;
  });

  it("never answer a call that hangs", async () => {
    const { github, client } = await startWithSet();
    github.control.setFault({ kind: "hang", on: "scale-set.list" });
    const call = client.sets("GET").then(
      () => "answered",
      () => "cut",
    );
    await github.control.wait({ what: "calls", endpoint: "scale-set.list", count: 1 });
    await github.stop();
    expect(await call).toBe("cut");
  });

  it("put a byte order mark before JSON", async () => {
    const { github, client } = await startWithSet();
    github.control.setFault({ kind: "bom", on: "scale-set.list" });
    const bytes = Buffer.from(await (await client.sets("GET")).arrayBuffer());
    expect([...bytes.subarray(0, 4)]).toEqual([0xef, 0xbb, 0xbf, "{".charCodeAt(0)]);
  });
});

it("patterns match names and paths whole", () => {
  const path = "GET /api/v3/repos/a/b/actions/runs";
  expect(matches("rest.*", "rest.runs", path)).toBe(true);
  expect(matches("*", "rest.runs", path)).toBe(true);
  expect(matches("GET /api/v3/*", "rest.runs", path)).toBe(true);
  expect(matches("rest.run", "rest.runs", path)).toBe(false);
  expect(matches("GET /api/v3", "rest.runs", path)).toBe(false);
});

it("tokens can be made invalid by kind", async () => {
  const github = await start();
  const client = await new Client(github).login();
  expect(github.control.revokeTokens("admin")).toBe(1);
  expect((await client.sets("GET")).status).toBe(401);
});
