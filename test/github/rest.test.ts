import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { Client } from "./testing/client.ts";
import { ScriptedRunner } from "./testing/scripted-runner.ts";
import { start, startVirtual } from "./testing/start.ts";

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicKey = pair.publicKey.export({ type: "spki", format: "pem" }) as string;
const seconds = () => Math.floor(Date.now() / 1000);

function appJwt(claims: Record<string, unknown> = {}, key: KeyObject = pair.privateKey): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const own = { iss: "7", iat: seconds() - 60, exp: seconds() + 480, ...claims };
  const head = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(own)}`;
  return `${head}.${sign("sha256", Buffer.from(head), key).toString("base64url")}`;
}

const withApp = async (permissions?: Record<string, "read" | "write">) => {
  const installation = { id: 9, account: "acme", ...(permissions && { permissions }) };
  const github = await start({ apps: [{ id: 7, publicKey, installations: [installation] }] });
  return new Client(github);
};

describe("GitHub Apps", () => {
  const tokenPath = "/app/installations/9/access_tokens";

  it("get an installation token for a JWT that their key signed", async () => {
    const client = await withApp();
    const answer = await client.rest("POST", tokenPath, undefined, appJwt());
    expect(answer.status).toBe(201);
    const { token, expires_at: expires } = (await answer.json()) as { token: string; expires_at: string };
    expect(Date.parse(expires)).toBeGreaterThan(Date.now() + 3_500_000);
    expect((await client.rest("GET", "/orgs/acme/actions/runners", undefined, token)).status).toBe(200);
    expect((await client.rest("GET", "/orgs/other/actions/runners", undefined, token)).status).toBe(404);
    const found = await client.rest("GET", "/repos/acme/widgets/installation", undefined, appJwt());
    expect(await found.json()).toMatchObject({ id: 9, account: { login: "acme" } });
  });

  it.each([
    ["another key", () => appJwt({}, generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey)],
    ["another App", () => appJwt({ iss: "8" })],
    ["an expiry over 10 minutes away", () => appJwt({ exp: seconds() + 660 })],
    ["an expiry that is past", () => appJwt({ exp: seconds() - 1 })],
    ["an issue time in the future", () => appJwt({ iat: seconds() + 60 })],
  ])("are refused with %s", async (_, jwt) => {
    const client = await withApp();
    expect((await client.rest("POST", tokenPath, undefined, jwt())).status).toBe(401);
  });

  it("hold only the rights that were asked for and granted", async () => {
    const client = await withApp({ organization_self_hosted_runners: "write", actions: "read" });
    const ask = (permissions: Record<string, string>) =>
      client.rest("POST", tokenPath, { permissions }, appJwt());
    expect((await ask({ actions: "write" })).status).toBe(422);
    expect((await ask({ administration: "read" })).status).toBe(422);
    const { token } = (await (await ask({ actions: "read" })).json()) as { token: string };
    const base = "/repos/acme/widgets/actions";
    expect((await client.rest("GET", `${base}/runs`, undefined, token)).status).toBe(200);
    expect((await client.rest("POST", `${base}/runners/registration-token`, undefined, token)).status).toBe(
      403,
    );
    expect((await client.rest("GET", "/orgs/acme/actions/runners", undefined, token)).status).toBe(403);
  });
});

describe("classic runners", () => {
  const runners = "/repos/acme/widgets/actions/runners";
  const wanted = { name: "c1", runner_group_id: 1, labels: ["self-hosted", "x64"] };

  it("are made by a JIT config, listed, found by name, deleted", async () => {
    const client = new Client(await start());
    const made = await client.rest("POST", `${runners}/generate-jitconfig`, wanted);
    expect(made.status).toBe(201);
    const { runner } = (await made.json()) as { runner: { id: number } };
    expect((await client.rest("POST", `${runners}/generate-jitconfig`, wanted)).status).toBe(409);
    expect(
      (await client.rest("POST", `${runners}/generate-jitconfig`, { ...wanted, labels: [] })).status,
    ).toBe(422);
    const listed: unknown = await (await client.rest("GET", `${runners}?name=c1&per_page=100`)).json();
    const labels = [{ name: "self-hosted" }, { name: "x64" }];
    expect(listed).toMatchObject({
      total_count: 1,
      runners: [{ id: runner.id, status: "offline", busy: false, labels }],
    });
    expect((await client.rest("DELETE", `${runners}/${runner.id}`)).status).toBe(204);
    expect((await client.rest("GET", `${runners}/${runner.id}`)).status).toBe(404);
  });

  it("take queued jobs whose labels they all have, without a scale set", async () => {
    const github = await start();
    const client = new Client(github, github.organizationUrl);
    const made = await client.rest("POST", "/orgs/acme/actions/runners/generate-jitconfig", wanted);
    const { encoded_jit_config: config } = (await made.json()) as { encoded_jit_config: string };
    const served = new ScriptedRunner(config).serveOne();
    await github.control.dispatchJobs([{ labels: ["self-hosted", "gpu"] }, { labels: ["X64"] }]);
    expect((await served).jobDisplayName).toBe("job 2");
    expect(github.control.jobs().map(({ phase }) => phase)).toEqual(["queued", "completed"]);
  });

  it("of an organisation's default group are not offered jobs of public repositories", async () => {
    const github = await start({ timings: { holdMs: 20 } });
    github.control.setPrivate(false);
    const client = await new Client(github, github.organizationUrl).login();
    await client.createSet("pool", ["linux"]);
    await client.open();
    await github.control.dispatchJobs([{ labels: ["linux"] }]);
    expect((await client.poll(1)).status).toBe(202);
    github.control.setPrivate(true);
    expect((await client.poll(1)).status).toBe(200);
  });

  it("come as an archive whose checksum is true", async () => {
    const directory = await mkdtemp(join(tmpdir(), "muster-test-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const path = join(directory, "runner.tar.gz");
    await writeFile(path, "not really a runner");
    const sha256 = createHash("sha256").update("not really a runner").digest("hex");
    const filename = "actions-runner-linux-x64-2.336.0.tar.gz";
    const archive = { path, filename, sha256, version: "2.336.0", os: "linux", architecture: "x64" } as const;
    const client = new Client(await start({ archive: () => Promise.resolve(archive) }));
    const [offer] = (await (await client.rest("GET", `${runners}/downloads`)).json()) as Record<
      string,
      string
    >[];
    expect(offer).toMatchObject({ os: "linux", architecture: "x64", filename });
    const bytes = await (await fetch(offer!["download_url"]!)).arrayBuffer();
    expect(createHash("sha256").update(Buffer.from(bytes)).digest("hex")).toBe(offer!["sha256_checksum"]);
    const deprecation = await client.rest("GET", `${runners}/deprecations/2.336.0`);
    expect(await deprecation.json()).toMatchObject({ runner_version: "2.336.0" });
  });
});

describe("REST", () => {
  it("counts calls per token and refuses above the limit until the hour is over", async () => {
    const { clock, client } = await startVirtual({ rateLimit: 3 });
    const get = () => client.rest("GET", "/repos/acme/widgets");
    expect((await get()).headers.get("x-ratelimit-remaining")).toBe("1");
    await get();
    const refused = await get();
    expect([refused.status, refused.headers.get("x-ratelimit-remaining")]).toEqual([403, "0"]);
    const rate: unknown = await (await client.rest("GET", "/rate_limit")).json();
    expect(rate).toMatchObject({ resources: { core: { limit: 3, remaining: 0 } } });
    await clock.advance(3_600_000);
    expect((await get()).status).toBe(200);
  });

  it("does not count unchanged answers", async () => {
    const github = await start({ rateLimit: 10 });
    const headers = { authorization: `Bearer ${github.token}` };
    const url = `${github.apiUrl}/repos/acme/widgets/actions/runs?status=queued`;
    const first = await fetch(url, { headers });
    const named = { ...headers, "if-none-match": first.headers.get("etag")! };
    for (let count = 0; count < 20; count += 1) {
      const { status, headers: told } = await fetch(url, { headers: named });
      expect([status, told.get("x-ratelimit-remaining")]).toEqual([304, "9"]);
    }
  });

  it("refuses more points than a minute has, reads for one and writes for five, with the time to wait", async () => {
    const { clock, client } = await startVirtual({ pointsPerMinute: 16 });
    const read = () => client.rest("GET", "/repos/acme/widgets");
    const write = () => client.rest("POST", "/repos/acme/widgets/actions/runners/remove-token");
    // One write was the login.
    expect([(await write()).status, (await write()).status, (await read()).status]).toEqual([201, 201, 200]);
    await clock.advance(20_000);
    const refused = await read();
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([403, "40"]);
    expect(await refused.text()).toContain("secondary rate limit");
    await clock.advance(40_000);
    expect((await write()).status).toBe(201);
  });

  it("links the pages of a list", async () => {
    const github = await start();
    for (let count = 0; count < 5; count += 1) await github.control.dispatchJobs([{ labels: ["x"] }]);
    const headers = { authorization: `Bearer ${github.token}` };
    const page = (number: number) =>
      fetch(`${github.apiUrl}/repos/acme/widgets/actions/runs?status=queued&per_page=2&page=${number}`, {
        headers,
      });
    const relations = async (number: number) =>
      [...((await page(number)).headers.get("link") ?? "").matchAll(/page=(\d+)>; rel="(\w+)"/g)].map(
        ([, to, rel]) => `${rel} ${to}`,
      );
    expect(await relations(1)).toEqual(["next 2", "last 3"]);
    expect(await relations(2)).toEqual(["prev 1", "first 1", "next 3", "last 3"]);
    expect(await relations(3)).toEqual(["prev 2", "first 1"]);
  });

  it("knows unchanged answers by their ETag", async () => {
    const github = await start();
    const headers = { authorization: `Bearer ${github.token}` };
    const url = `${github.apiUrl}/repos/acme/widgets`;
    const etag = (await fetch(url, { headers })).headers.get("etag")!;
    const again = await fetch(url, { headers: { ...headers, "if-none-match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    github.control.setPrivate(false);
    expect((await fetch(url, { headers: { ...headers, "if-none-match": etag } })).status).toBe(200);
  });

  it("refuses unknown tokens and hides unknown repositories", async () => {
    const client = new Client(await start());
    expect((await client.rest("GET", "/repos/acme/widgets", undefined, "ghp_wrong")).status).toBe(401);
    expect((await client.rest("GET", "/repos/acme/gadgets")).status).toBe(404);
    expect((await client.rest("GET", "/nothing/here")).status).toBe(404);
  });
});
