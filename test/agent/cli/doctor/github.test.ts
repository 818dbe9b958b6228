import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { realClock, realDeps } from "../../../../agent/manager/deps.ts";
import { pino } from "pino";
import { Client } from "../../../github/testing/client.ts";
import { atGitHub, look } from "./rig.ts";

const day = 86_400_000;
const all = ["github-reach", "clock", "github-login", "rate-limit", "runner-version"] as const;

describe("the doctor at GitHub", () => {
  it("finds everything in order and says what it saw", async () => {
    const startedMs = realClock().now();
    const { options } = await atGitHub();
    // Time stands still: a busy computer is not a distant GitHub.
    const clock = { ...realClock(), now: () => startedMs };
    const manager = { ...realDeps(pino({ level: "silent" })), clock };
    const seen = await look(all, { ...options, deps: { manager } });
    expect(seen.all.map(({ id, level }) => `${id} ${level}`)).toEqual([
      "github-reach ok",
      "clock ok",
      "github-login ok",
      "github-rights ok",
      "token-expiry ok",
      "rate-limit ok",
      "labels ok",
      "runner-version ok",
    ]);
    expect(seen.one("runner-version").found).toMatch(/^\d+\.\d+\.\d+, served until 20/);
    expect(seen.one("rate-limit").found).toMatch(/of 5000 calls are left/);
  });

  it("never repeats the credential", async () => {
    const { options, sim } = await atGitHub({ tokens: [{ token: "ghp_planted0token", permissions: {} }] });
    expect(sim.token).toBe("ghp_planted0token");
    expect(JSON.stringify((await look(all, options)).all)).not.toContain("planted");
  });

  it("a GitHub that is not there is a blocker with what to look at", async () => {
    const { options, sim } = await atGitHub();
    await sim.stop();
    const seen = await look(["github-reach"], options);
    expect(seen.one("github-reach")).toMatchObject({ level: "blocker" });
    expect(seen.one("github-reach").found).toContain("the connection was refused");
    expect(seen.one("github-reach").cure).toContain("proxy");
  });

  it("a wrong token is a blocker with the command that stores another", async () => {
    const { options } = await atGitHub({}, { secrets: { githubToken: "ghp_wrong" } });
    const seen = await look(["github-login"], options);
    expect(seen.one("github-login")).toMatchObject({
      level: "blocker",
      cure: "npm run pulumi -- config set --secret muster:githubToken -s dev",
    });
    expect(seen.one("github-login").found).toContain("401");
  });

  it("a token without the right is a blocker that names the right", async () => {
    const { options } = await atGitHub({ tokens: [{ token: "ghp_few", permissions: { metadata: "read" } }] });
    const { found, level } = (await look(["github-login"], options)).one("github-login");
    expect(level).toBe("blocker");
    expect(found).toContain("Administration: read and write");
  });

  it("queued runs that may not be read are a blocker with both ways out", async () => {
    const permissions = { administration: "write", metadata: "read" } as const;
    const { options } = await atGitHub(
      { tokens: [{ token: "ghp_norun", permissions }] },
      { github: { source: "queued-runs" } },
    );
    const finding = (await look(["github-login"], options)).one("github-rights");
    expect(finding.level).toBe("blocker");
    expect(finding.cure).toMatch(/"Actions: read".*muster:github.source scale-sets -s dev/);
  });

  it("an App that may read queued runs is asked with that right, and is in order", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const permissions = { administration: "write", actions: "read", metadata: "read" } as const;
    const { options } = await atGitHub(
      { apps: [{ id: 7, publicKey, installations: [{ id: 9, account: "acme", permissions }] }] },
      {
        github: { source: "queued-runs", app: { id: 7, installation: 9 } },
        secrets: { githubAppKey: privateKey },
      },
    );
    expect((await look(["github-login"], options)).one("github-rights").level).toBe("ok");
  });

  it("a token that ends soon is a warning, one that has ended a blocker, each with the date", async () => {
    const soon = await atGitHub({ tokens: [{ token: "ghp_soon", expiresMs: Date.now() + 20 * day }] });
    const one = (await look(["github-login"], soon.options)).one("token-expiry");
    expect(one.level).toBe("warning");
    expect(one.found).toMatch(/^githubToken expires on 20\d\d-\d\d-\d\d, in (19|20) days/);
    expect(one.cure).toContain("npm run pulumi -- config set --secret muster:githubToken -s dev");
    const over = await atGitHub({ tokens: [{ token: "ghp_over", expiresMs: Date.now() - day }] });
    const two = (await look(["github-login"], over.options)).all[0]!;
    expect(two.level).toBe("blocker");
  });

  it("a classic token's scopes are shown", async () => {
    const { options } = await atGitHub({ tokens: [{ token: "ghp_classic", scopes: ["repo", "workflow"] }] });
    expect((await look(["github-login"], options)).one("token-expiry").found).toContain("repo, workflow");
  });

  it("few calls left are a warning, none a blocker, with the time at which they come back", async () => {
    const few = await atGitHub({ rateLimit: 20 });
    for (let used = 0; used < 19; used += 1)
      await fetch(`${few.sim.apiUrl}/repos/acme/widgets`, {
        headers: { authorization: `Bearer ${few.sim.token}` },
      });
    const one = (await look(["rate-limit"], few.options)).one("rate-limit");
    expect(one).toMatchObject({ level: "warning" });
    expect(one.found).toMatch(/^1 of 20 calls are left until \d\d:\d\d UTC$/);
    await fetch(`${few.sim.apiUrl}/repos/acme/widgets`, {
      headers: { authorization: `Bearer ${few.sim.token}` },
    });
    expect((await look(["rate-limit"], few.options)).one("rate-limit")).toMatchObject({ level: "blocker" });
  });

  it.each([
    [-1 * day, "blocker", "has been refused by GitHub since"],
    [3 * day, "warning", "is served until"],
    [29 * day, "ok", "served until"],
  ])("a runner version that is served for %d ms more is %s", async (runtimeMs, level, said) => {
    const { options } = await atGitHub({ deprecation: { registrationMs: 30 * day, runtimeMs } });
    const finding = (await look(["runner-version"], options)).one("runner-version");
    expect(finding.level).toBe(level);
    expect(finding.found).toContain(said);
  });

  const shifted = (ms: number) => {
    const clock = realClock();
    return { ...clock, now: () => clock.now() + ms };
  };
  it.each([
    [-2_000, "ok", /^(as GitHub's|this computer's clock is [1-9] s behind)/],
    [60_000, "warning", /clock is (5[4-9]|6[0-6]) s ahead of GitHub's: times of jobs/],
    [-400_000, "blocker", /clock is (39[4-9]|40[0-6]) s behind GitHub's: GitHub refuses an App's login/],
  ])("a clock that is %d ms off is %s", async (ms, level, said) => {
    const { options } = await atGitHub();
    const manager = { ...realDeps(pino({ level: "silent" })), clock: shifted(ms) };
    const finding = (await look(["clock"], { ...options, deps: { manager } })).one("clock");
    expect(finding.level).toBe(level);
    expect(finding.found).toMatch(said);
  });

  it("a public repository is a blocker", async () => {
    const { options } = await atGitHub({
      repositories: [{ owner: "acme", name: "widgets", private: false }],
    });
    expect((await look(["github-login"], options)).one("public-repositories")).toMatchObject({
      level: "blocker",
    });
  });

  it("a runner group that does not exist is a blocker that names those which do", async () => {
    const { options } = await atGitHub(
      {},
      { at: (sim) => sim.organizationUrl, pool: { runnerGroup: "Builders" } },
    );
    const finding = (await look(["github-login"], options)).of("runner-group")[0]!;
    expect(finding.level).toBe("blocker");
    expect(finding.found).toContain("Groups there: Default");
  });

  it("another stack's set with the same labels is a blocker that names it", async () => {
    const labels = ["self-hosted", "linux"];
    const { options, sim } = await atGitHub({}, { pool: { labels } });
    await (await new Client(sim, sim.repositoryUrl).login()).createSet("other", labels);
    const finding = (await look(["github-login"], options)).of("labels")[0]!;
    expect(finding).toMatchObject({ level: "blocker" });
    expect(finding.found).toContain('the scale set "other"');
  });

  it("an App whose key does not fit is a blocker", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const apps = [
      {
        id: 7,
        publicKey: publicKey.export({ type: "spki", format: "pem" }) as string,
        installations: [{ id: 9, account: "acme" }],
      },
    ];
    const key = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
    const { options } = await atGitHub(
      { apps },
      { github: { app: { id: 7, installation: 9 } }, secrets: { githubAppKey: key } },
    );
    const seen = await look(["github-login"], options);
    expect(seen.one("github-login").level).toBe("blocker");
    expect(seen.one("github-login").cure).toContain("muster:githubAppKey");
    expect(JSON.stringify(seen.all)).not.toContain("BEGIN");
  });
});
