/** Runner groups, the repositories that may use them, and what an answer says of the token that asked. */
import { describe, expect, it } from "vitest";
import type { GitHubOptions } from "./options.ts";
import { Client } from "./testing/client.ts";
import { start } from "./testing/start.ts";

const labels = ["self-hosted", "linux"];
const repositories = [
  { owner: "acme", name: "widgets" },
  { owner: "acme", name: "site", private: false },
  { owner: "other", name: "open", private: false },
];
const groups: NonNullable<GitHubOptions["groups"]> = [
  { id: 1, name: "Default", allowsPublicRepositories: false },
  { id: 2, name: "Chosen", allowsPublicRepositories: true, visibility: "selected", repositories: ["site"] },
  { id: 3, name: "Closed", allowsPublicRepositories: true, visibility: "private" },
];
const organization = async () => {
  const github = await start({ repositories, groups });
  return { github, client: await new Client(github, github.organizationUrl).login() };
};
const json = async (answer: Promise<Response>) => (await answer).json() as Promise<Record<string, unknown>>;
const names = (list: unknown) => (list as { name: string }[]).map(({ name }) => name);

describe("runner groups", () => {
  it("are listed with who may use them", async () => {
    const { client } = await organization();
    const { runner_groups: list } = await json(client.rest("GET", "/orgs/acme/actions/runner-groups"));
    expect(list).toMatchObject([
      { id: 1, default: true, visibility: "all", allows_public_repositories: false },
      { id: 2, default: false, visibility: "selected", allows_public_repositories: true },
      { id: 3, visibility: "private" },
    ]);
    const one = await json(client.rest("GET", "/orgs/acme/actions/runner-groups/2"));
    expect(one["name"]).toBe("Chosen");
    expect((await client.rest("GET", "/orgs/acme/actions/runner-groups/9")).status).toBe(404);
  });

  it("name the repositories that were selected", async () => {
    const { client } = await organization();
    const chosen = await json(client.rest("GET", "/orgs/acme/actions/runner-groups/2/repositories"));
    expect(names(chosen["repositories"])).toEqual(["site"]);
    const none = await json(client.rest("GET", "/orgs/acme/actions/runner-groups/1/repositories"));
    expect(none["total_count"]).toBe(0);
  });

  it.each([
    [1, "acme/widgets", 1],
    [1, "acme/site", 0],
    [2, "acme/site", 1],
    [2, "acme/widgets", 0],
    [3, "acme/widgets", 1],
    [3, "acme/site", 0],
  ])("group %i: a job of %s is held for its set: %i", async (runnerGroupId, repository, available) => {
    const { github, client } = await organization();
    const answer = await client.sets("POST", "", {
      name: "pool",
      runnerGroupId,
      labels: labels.map((name) => ({ name })),
    });
    const { id } = (await answer.json()) as { id: number };
    await github.control.dispatchJobs([{ labels, name: "job" }], repository);
    const set = await json(client.sets("GET", `/${id}`));
    expect(set["statistics"]).toMatchObject({ totalAvailableJobs: available });
  });
});

it("an organisation's public repositories are seen without any right", async () => {
  const github = await start({ repositories, tokens: [{ token: "ghp_nothing", permissions: {} }] });
  const client = new Client(github);
  const found = await json(client.rest("GET", "/orgs/acme/repos?type=public"));
  expect(found).toMatchObject([{ name: "site", visibility: "public" }]);
});

it("an answer names a classic token's scopes and a token's end, and nothing of one without either", async () => {
  const expiresMs = Date.UTC(2099, 0, 15, 8);
  const github = await start({
    tokens: [{ token: "ghp_classic", scopes: ["repo", "admin:org"], expiresMs }, { token: "ghp_other" }],
  });
  const client = new Client(github);
  const { headers } = await client.rest("GET", "/repos/acme/widgets");
  expect(headers.get("x-oauth-scopes")).toBe("repo, admin:org");
  expect(headers.get("github-authentication-token-expiration")).toBe("2099-01-15 08:00:00 UTC");
  const plain = await client.rest("GET", "/repos/acme/widgets", undefined, "ghp_other");
  expect(plain.headers.get("x-oauth-scopes")).toBeNull();
  expect(plain.headers.get("github-authentication-token-expiration")).toBeNull();
});

it("a token whose time is over is refused", async () => {
  const github = await start({ tokens: [{ token: "ghp_old", expiresMs: Date.now() - 1_000 }] });
  expect((await new Client(github).rest("GET", "/repos/acme/widgets")).status).toBe(401);
});
