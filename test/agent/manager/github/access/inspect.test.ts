/** What doctor is told of a place before anything is made there: over real HTTP, from the simulated GitHub. */
import { generateKeyPairSync } from "node:crypto";
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { inspectPlace } from "../../../../../agent/manager/github/access/inspect.ts";
import type { PoolConfig } from "../../../../../agent/manager-config.ts";
import type { GitHubOptions } from "../../../../github/options.ts";
import { Client } from "../../../../github/testing/client.ts";
import { start } from "../../../../github/testing/start.ts";
import { config } from "../../worlds.ts";
import { realDeps } from "../../../../../agent/manager/deps.ts";
import { shortTimings, signal } from "../harness.ts";

const labels = ["self-hosted", "linux"];
const day = 86_400_000;

async function inspected(
  options: GitHubOptions,
  {
    place = "organization",
    pools = { a: {} } as Record<string, Partial<PoolConfig>>,
    token,
    prepare,
  }: {
    place?: "organization" | "repository";
    pools?: Record<string, Partial<PoolConfig>>;
    token?: string;
    prepare?: (client: Client) => Promise<unknown>;
  } = {},
) {
  const sim = await start(options);
  const url = place === "organization" ? sim.organizationUrl : sim.repositoryUrl;
  if (prepare) await prepare(await new Client(sim, url).login());
  const stack = { ...config(pools), github: { ...config().github, url } };
  const findings = await inspectPlace(
    stack,
    { githubToken: token ?? sim.token },
    realDeps(pino({ enabled: false })),
    signal(),
    shortTimings,
  );
  return { sim, findings, at: (level: string) => findings.filter((one) => one.level === level) };
}

describe("the login", () => {
  test("that suffices: everything is ok, and the simulator holds no set or runner afterwards", async () => {
    const { findings, sim } = await inspected({});
    expect(findings.map(({ level, what }) => [level, what])).toEqual([
      ["ok", "login"],
      ["ok", "token"],
      ["ok", "pool a"],
    ]);
    expect([sim.control.scaleSets(), sim.control.runners()]).toEqual([[], []]);
  });

  test("that lacks a right is a blocker that names the right", async () => {
    const { findings } = await inspected({
      tokens: [{ token: "ghp_weak", permissions: { organization_self_hosted_runners: "read" } }],
    });
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ level: "blocker", what: "login" });
    expect(findings[0]!.detail).toMatch(/403.*Self-hosted runners: read and write/);
  });

  test("whose App was given too little is a blocker that names App and installation", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const installation = { id: 9_901, account: "acme", permissions: { actions: "read" } as const };
    const sim = await start({ apps: [{ id: 7, publicKey, installations: [installation] }] });
    const login = { kind: "app", appId: 7, installationId: 9_901 } as const;
    const stack = { ...config(), github: { ...config().github, url: sim.organizationUrl, login } };
    const found = await inspectPlace(
      stack,
      { githubAppKey: privateKey },
      realDeps(pino({ enabled: false })),
      signal(),
      shortTimings,
    );
    expect(found).toMatchObject([{ level: "blocker", what: "login" }]);
    expect(found[0]!.detail).toMatch(/422|App 7.*9901/s);
  });

  test("that ends within 30 days is a warning, one that has ended a blocker with the cure", async () => {
    const ends = (inDays: number) => ({
      tokens: [{ token: "ghp_some", scopes: ["admin:org"], expiresMs: Date.now() + inDays * day }],
    });
    const soon = await inspected(ends(29.5));
    expect(soon.at("warning")).toMatchObject([
      { what: "token", detail: expect.stringContaining("in 29 days") },
    ]);
    expect(soon.at("warning")[0]!.cure).toContain("muster:githubToken");
    const later = await inspected(ends(31));
    expect(later.at("warning")).toEqual([]);
    expect(later.at("ok")[1]!.detail).toContain("admin:org");
    const over = await inspected(ends(-1));
    expect(over.findings).toMatchObject([{ level: "blocker", what: "login" }]);
    expect(over.findings[0]!.detail).toContain("401");
  });
});

describe("runner groups and public repositories", () => {
  const open = { id: 2, name: "Open", allowsPublicRepositories: true };
  const groups = [{ id: 1, name: "Default", allowsPublicRepositories: false }, open];
  const site = { owner: "acme", name: "site", private: false };
  const widgets = { owner: "acme", name: "widgets" };

  test("a group that does not exist is a blocker that lists those that do", async () => {
    const { at } = await inspected({ groups }, { pools: { a: { runnerGroup: "Painters" } } });
    expect(at("blocker")).toMatchObject([{ what: "pool a: runner group" }]);
    expect(at("blocker")[0]!.detail).toContain("Groups there: Default, Open");
  });

  test("a public repository is a blocker at its own URL, with the sentence that helps", async () => {
    const { at } = await inspected({ repositories: [site] }, { place: "repository" });
    expect(at("blocker")).toMatchObject([{ what: "pool a: public repositories" }]);
    expect(at("blocker")[0]!.detail).toMatch(/^acme\/site is public: anybody/);
    expect(at("blocker")[0]!.cure).toMatch(
      /^Make it private.*On this computer publicRepositories: allow does not help/,
    );
  });

  test.each<[string, Partial<PoolConfig>, GitHubOptions, boolean]>([
    ["the default group admits none", {}, { groups, repositories: [site] }, false],
    [
      "an open group, and one is public",
      { runnerGroup: "Open" },
      { groups, repositories: [widgets, site] },
      true,
    ],
    [
      "an open group, and none is public",
      { runnerGroup: "Open" },
      { groups, repositories: [widgets] },
      false,
    ],
    [
      "an open group of private repositories",
      { runnerGroup: "Open" },
      { groups: [{ ...open, visibility: "private" }], repositories: [site] },
      false,
    ],
    [
      "a group of selected repositories with a public one",
      { runnerGroup: "Open" },
      {
        groups: [{ ...open, visibility: "selected", repositories: ["site"] }],
        repositories: [widgets, site],
      },
      true,
    ],
    [
      "a group of selected repositories without a public one",
      { runnerGroup: "Open" },
      {
        groups: [{ ...open, visibility: "selected", repositories: ["widgets"] }],
        repositories: [widgets, site],
      },
      false,
    ],
  ])("%s", async (_, pool, options, refused) => {
    const { at } = await inspected(options, { pools: { a: pool } });
    expect(at("blocker").map(({ what }) => what)).toEqual(refused ? ["pool a: public repositories"] : []);
  });

  test.each([
    [[widgets], false],
    [[widgets, site], true],
  ])(
    "groups that cannot be read are a warning; only a public repository blocks",
    async (repositories, refused) => {
      const sim = await start({ repositories });
      sim.control.setFault({ kind: "status", on: "rest.runner-groups", status: 403 });
      const stack = { ...config(), github: { ...config().github, url: sim.organizationUrl } };
      const found = await inspectPlace(
        stack,
        { githubToken: sim.token },
        realDeps(pino({ enabled: false })),
        signal(),
        shortTimings,
      );
      expect(found.filter(({ level }) => level === "warning").map(({ what }) => what)).toEqual([
        "runner groups",
      ]);
      const blockers = found.filter(({ level }) => level === "blocker");
      expect(blockers.map(({ what }) => what)).toEqual(refused ? ["pool a: public repositories"] : []);
      if (refused) expect(blockers[0]!.detail).toContain('the runner group "Default" cannot be read');
    },
  );
});

describe("labels of others", () => {
  const made =
    (name: string, wanted: readonly string[], runnerGroupId = 1) =>
    (client: Client) =>
      client.sets("POST", "", { name, runnerGroupId, labels: wanted.map((label) => ({ name: label })) });

  test.each([
    ["the same in another case", ["Linux", "SELF-hosted"], "has the same labels"],
    ["more", [...labels, "gpu"], "has all labels of this pool and more, [self-hosted, linux, gpu]"],
    ["fewer", ["linux"], "has some of this pool's labels and no others, [linux]"],
  ])("a set that has %s is a blocker that names it, its group and what follows", async (_, theirs, said) => {
    const { at } = await inspected({}, { prepare: made("muster-prod-a", theirs) });
    expect(at("blocker")).toMatchObject([{ what: "pool a: labels" }]);
    const { detail, cure } = at("blocker")[0]!;
    expect(detail).toContain(`"muster-prod-a" of another stack in the runner group Default ${said}`);
    expect(cure).toContain("shareLabels: true");
    expect(cure).toContain("npm run muster -- local remove-set --name muster-prod-a");
  });

  test("other labels, and shareLabels: true, are no blocker", async () => {
    const other = await inspected({}, { prepare: made("muster-prod-a", ["self-hosted", "gpu"]) });
    expect(other.at("blocker")).toEqual([]);
    const shared = await inspected({}, { prepare: made("x", labels), pools: { a: { shareLabels: true } } });
    expect(shared.at("blocker")).toEqual([]);
  });

  test("a set in a group that no repository shares with the pool's is no blocker", async () => {
    const group = (id: number, name: string, repositories: string[]) => ({
      id,
      name,
      allowsPublicRepositories: false,
      visibility: "selected" as const,
      repositories,
    });
    const repositories = ["one", "two"].map((name) => ({ owner: "acme", name }));
    const groups = [group(1, "Default", []), group(2, "Ours", ["one"]), group(3, "Theirs", ["two"])];
    const pools = { a: { runnerGroup: "Ours" } };
    const apart = await inspected({ repositories, groups }, { prepare: made("x", labels, 3), pools });
    expect(apart.at("blocker")).toEqual([]);
    groups[2]!.repositories.push("one");
    const together = await inspected({ repositories, groups }, { prepare: made("x", labels, 3), pools });
    expect(together.at("blocker")).toHaveLength(1);
  });

  test("this stack's own sets, of other pools as well, are none", async () => {
    const { at } = await inspected({}, { prepare: made("muster-test-a", labels) });
    expect(at("blocker")).toEqual([]);
  });
});
