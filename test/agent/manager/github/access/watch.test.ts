/** What is held against pools while the manager runs, over real HTTP: from the simulated GitHub to the facts of the core. */
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { Client } from "../../../../github/testing/client.ts";
import { ScriptedRunner } from "../../../../github/testing/scripted-runner.ts";
import { start } from "../../../../github/testing/start.ts";
import type { GitHubOptions } from "../../../../github/options.ts";
import { eventually, harness, looking, type Options, signal } from "../harness.ts";
import { type World, world } from "../world.ts";

const often = (options: Options = {}): Options => ({
  ...options,
  timings: { ...looking, ...options.timings },
});
const side = (options: Options) => harness(often(options));
const looked = (simulator: GitHubOptions, options?: Options) => world(simulator, often(options));
const labels = ["self-hosted", "linux"];
/** Set and session are there, and the pool was looked at. */
const served = (made: World, pool = "a") =>
  eventually(() => {
    expect(made.refused(pool)).toEqual([]);
    expect(made.sim.control.scaleSets().some(({ session }) => session !== null)).toBe(true);
  });
const foreignSet = async (made: Pick<World, "sim" | "config">, name: string, wanted = labels) => {
  const client = await new Client(made.sim, made.config.github.url).login();
  const body = { name, runnerGroupId: 1, labels: wanted.map((label) => ({ name: label })) };
  return (await (await client.sets("POST", "", body)).json()) as { id: number };
};
const lines = ({ lines: all }: World, words: string) => all.filter((line) => line.includes(words));

describe("before the first look", () => {
  test("a pool is held from the moment of the start, before anything else is told of it, and then free", async () => {
    const made = await looked({});
    expect(made.facts[0]).toMatchObject({ is: "access-seen", refusals: [{ reason: "access-unread" }] });
    await served(made);
    expect(made.accesses().map(({ refusals }) => refusals.length)).toEqual([1, 0]);
  });

  test("a pool stays held while the repository cannot be read, with the reason, and goes on after the grace", async () => {
    const sim = await start();
    sim.control.setFault({ kind: "status", on: "rest.repository", status: 502 });
    const made = {
      sim,
      ...side({
        url: sim.repositoryUrl,
        secrets: { githubToken: sim.token },
        timings: { accessGraceMs: 400 },
      }),
    };
    made.github.start(made.config);
    await eventually(() => expect(made.accesses().at(-1)!.refusals[0]!.detail).toContain("502"));
    await eventually(() => expect(made.seen().length).toBeGreaterThan(0));
    await served(made);
    expect(made.accesses().at(-1)!.warnings[0]).toMatch(/could not be read.*502.*goes on without/);
    sim.control.clearFaults();
    await eventually(() => expect(made.accesses().at(-1)!.warnings).toEqual([]));
  });

  test("a repository that this login cannot see is not public, and holds nothing", async () => {
    const sim = await start();
    sim.control.setFault({ kind: "status", on: "rest.repository", status: 404 });
    const made = { sim, ...side({ url: sim.repositoryUrl, secrets: { githubToken: sim.token } }) };
    made.github.start(made.config);
    await served(made);
  });

  test("changed labels are looked at anew, other changes are not", async () => {
    const made = await looked({}, { timings: { accessPeriodMs: 60_000 } });
    await served(made);
    const pool = made.config.pools["a"]!;
    made.github.start({ ...made.config, pools: { a: { ...pool, max: 9 } } });
    expect(made.accesses()).toHaveLength(2);
    made.github.start({ ...made.config, pools: { a: { ...pool, labels: ["fast"] } } });
    expect(made.refused()).toEqual(["access-unread"]);
    await served(made);
  });
});

describe("public repositories", () => {
  test("a repository that turns public holds its pool, one that turns private again frees it by itself", async () => {
    const made = await looked({});
    await served(made);
    made.sim.control.setPrivate(false);
    await eventually(() => expect(made.refused()).toEqual(["public-repository"]));
    expect(made.accesses().at(-1)!.refusals[0]!.detail).toMatch(
      /^acme\/widgets is public: .*Make it private/,
    );
    expect(lines(made, "the pool is not used")).toHaveLength(1);
    made.sim.control.setPrivate(true);
    await eventually(() => expect(made.refused()).toEqual([]));
  });

  test("a repository that was public at the start is never free in between", async () => {
    const sim = await start({ repositories: [{ owner: "acme", name: "site", private: false }] });
    const made = side({ url: sim.repositoryUrl, secrets: { githubToken: sim.token } });
    made.github.start(made.config);
    await eventually(() => expect(made.refused()).toEqual(["public-repository"]));
    expect(made.accesses().every(({ refusals }) => refusals.length > 0)).toBe(true);
  });

  test("what was found stays while later looks fail", async () => {
    const made = await looked({});
    await served(made);
    made.sim.control.setPrivate(false);
    await eventually(() => expect(made.refused()).toEqual(["public-repository"]));
    made.sim.control.setFault({ kind: "status", on: "rest.repository", status: 500 });
    made.sim.control.setPrivate(true);
    const asked = () => made.sim.control.calls()["rest.repository"]!;
    const before = asked();
    await eventually(() => expect(asked()).toBeGreaterThan(before + 4));
    expect(made.refused()).toEqual(["public-repository"]);
    made.sim.control.clearFaults();
    await eventually(() => expect(made.refused()).toEqual([]));
  });

  test("of an organisation: a group that begins to admit them holds the pools that use it, and no others", async () => {
    const groups = ["Default", "Open"].map((name, index) => ({
      id: index + 1,
      name,
      allowsPublicRepositories: false,
    }));
    const repositories = [
      { owner: "acme", name: "widgets" },
      { owner: "acme", name: "site", private: false },
    ];
    const sim = await start({ groups, repositories });
    const pools = { a: {}, b: { labels: ["b"], runnerGroup: "Open" } };
    const made = {
      sim,
      ...side({ url: sim.organizationUrl, secrets: { githubToken: sim.token }, pools }),
    };
    made.github.start(made.config);
    await served(made, "b");
    sim.control.setGroup(2, { allowsPublicRepositories: true });
    await eventually(() => expect(made.refused("b")).toEqual(["public-repository"]));
    expect(made.accesses("b").at(-1)!.refusals[0]!.detail).toContain(
      'the runner group "Open" admits public repositories, and acme/site is public',
    );
    expect(made.refused("a")).toEqual([]);
  });
});

describe("labels of others", () => {
  test("a set that was there first holds the pool, with its name and the way out; gone, the pool is free", async () => {
    const sim = await start();
    const made = { sim, ...side({ url: sim.repositoryUrl, secrets: { githubToken: sim.token } }) };
    const { id } = await foreignSet(made, "muster-prod-a");
    made.github.start(made.config);
    await eventually(() => expect(made.refused()).toEqual(["label-clash"]));
    const { detail } = made.accesses().at(-1)!.refusals[0]!;
    expect(detail).toMatch(
      /"muster-prod-a" of another stack has the same labels.*shareLabels: true.*remove-set/,
    );
    sim.control.deleteScaleSet(id);
    await served(made);
  });

  test("a set that comes later is only warned of: its own stack gives way", async () => {
    const made = await looked({});
    await served(made);
    await foreignSet(made, "muster-dev-a");
    await eventually(() => expect(made.accesses().at(-1)!.warnings).toHaveLength(1));
    expect(made.accesses().at(-1)!.warnings[0]).toMatch(
      /"muster-dev-a".*It came later, so this pool goes on/,
    );
    expect(made.refused()).toEqual([]);
    expect(lines(made, "others share the pool's jobs")).toHaveLength(1);
  });

  const byHand = async (sim: World["sim"], wanted: readonly string[]) => {
    const path = "/repos/acme/widgets/actions/runners/generate-jitconfig";
    const body = { name: "by-hand", runner_group_id: 1, labels: wanted };
    const answer = await new Client(sim).rest("POST", path, body);
    return new ScriptedRunner(((await answer.json()) as { encoded_jit_config: string }).encoded_jit_config);
  };

  test("a runner with these labels that somebody registered holds a new pool while it is online", async () => {
    const sim = await start();
    const runner = await byHand(sim, [...labels, "X64"]);
    const made = { sim, ...side({ url: sim.repositoryUrl, secrets: { githubToken: sim.token } }) };
    made.github.start(made.config);
    await served(made);
    await made.github.stop();
    await runner.online();
    const other = side({ url: sim.repositoryUrl, secrets: { githubToken: sim.token } });
    other.github.start(other.config);
    await eventually(() => expect(other.refused()).toEqual(["label-clash"]));
    expect(other.accesses().at(-1)!.refusals[0]!.detail).toContain('the runner "by-hand", which is none of');
  });

  test("a pool that served before is only warned of such a runner; one with fewer labels is nothing to it", async () => {
    const made = await looked({});
    await served(made);
    // Looked at with its set in the list: from now on it is the first.
    await eventually(() => expect(made.sim.control.calls()["scale-set.list"]).toBeGreaterThan(3));
    await (await byHand(made.sim, labels)).online();
    await eventually(() => expect(made.accesses().at(-1)!.warnings[0]).toContain('the runner "by-hand"'));
    expect(made.refused()).toEqual([]);

    const other = await looked({});
    await (await byHand(other.sim, ["linux"])).online();
    await served(other);
    await eventually(() => expect(other.sim.control.calls()["rest.runners"]).toBeGreaterThan(3));
    expect(other.accesses().at(-1)).toMatchObject({ refusals: [], warnings: [] });
  });

  test("shareLabels: true goes on beside another set", async () => {
    const sim = await start();
    const options = { url: sim.repositoryUrl, secrets: { githubToken: sim.token } };
    const made = { sim, ...side({ ...options, pools: { a: { shareLabels: true } } }) };
    await foreignSet(made, "muster-prod-a");
    made.github.start(made.config);
    await served(made);
    expect(made.accesses().at(-1)!.warnings).toEqual([]);
  });

  test("after a restart the pool that served before is still the first, whatever came meanwhile", async () => {
    const made = await looked({});
    await served(made);
    await eventually(() => expect(made.sim.control.calls()["scale-set.list"]).toBeGreaterThan(3));
    await made.github.stop();
    await foreignSet(made, "muster-dev-a");
    const again = side({
      url: made.sim.repositoryUrl,
      secrets: { githubToken: made.sim.token },
      directory: made.directory,
    });
    again.github.start(again.config);
    await eventually(() => expect(again.refused()).toEqual([]));
    expect(again.accesses().at(-1)!.warnings).toHaveLength(1);
  });
});

describe("the login", () => {
  const day = 86_400_000;
  const credential = (made: World) =>
    made.facts.filter((fact) => fact.is === "credential-seen").at(-1)?.credential;
  const withToken = async (expiresMs: number) => {
    const sim = await start({ tokens: [{ token: "ghp_some0token", expiresMs }] });
    const made = { sim, ...side({ url: sim.repositoryUrl, secrets: { githubToken: "ghp_some0token" } }) };
    made.github.start(made.config);
    return made;
  };

  test("a token's end is told; within 30 days with a warning, once in the log", async () => {
    const expiresMs = Math.floor((Date.now() + 12.5 * day) / 1000) * 1000;
    const made = await withToken(expiresMs);
    await served(made);
    await eventually(() => expect(credential(made)).toMatchObject({ kind: "token", expiresMs }));
    expect(credential(made)!.warning).toMatch(/^githubToken expires on 20..-..-.., in 12 days: make another/);
    expect(lines(made, "the login at GitHub ends soon")).toHaveLength(1);
    expect(lines(made, "ghp_some0token")).toEqual([]);
  });

  test("a token that ends while the manager runs is said to have expired, with the cure", async () => {
    const made = await withToken(Math.ceil(Date.now() / 1000) * 1000 + 3_000);
    await served(made);
    await eventually(() =>
      expect(credential(made)?.warning).toMatch(/^githubToken expired on .*: make another/),
    );
    await expect(made.github.archive("x64", signal())).rejects.toThrow(
      /expired on .*pulumi config set --secret/,
    );
  });

  test("an App's token: exactly the rights used, and the hour that it lasts", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const sim = await start({
      apps: [{ id: 7, publicKey, installations: [{ id: 9_911, account: "acme" }] }],
    });
    const login = { kind: "app", appId: 7, installationId: 9_911 } as const;
    const made = {
      sim,
      ...side({ url: sim.organizationUrl, login, secrets: { githubAppKey: privateKey } }),
    };
    made.github.start(made.config);
    await served(made);
    await eventually(() => expect(credential(made)?.kind).toBe("installation"));
    const lasts = credential(made)!.expiresMs! - Date.now();
    expect(lasts).toBeGreaterThan(3_500_000);
    expect(lasts).toBeLessThanOrEqual(3_600_000);
    expect(credential(made)!.warning).toBeNull();
    const tokens = sim.control.tokens().filter(({ kind }) => kind === "installation");
    expect(tokens).not.toEqual([]);
    for (const { permissions } of tokens)
      expect(permissions).toEqual({ organization_self_hosted_runners: "write" });
  });

  test("a new token is looked with at once", async () => {
    const sim = await start({
      tokens: [
        { token: "ghp_first" },
        { token: "ghp_second", scopes: ["repo"], expiresMs: Date.now() + day },
      ],
    });
    const made = {
      sim,
      ...side({
        url: sim.repositoryUrl,
        secrets: { githubToken: "ghp_first" },
        timings: { accessPeriodMs: 60_000 },
      }),
    };
    made.github.start(made.config);
    await served(made);
    expect(credential(made)!.expiresMs).toBeNull();
    made.github.credentials({ githubToken: "ghp_second" });
    await eventually(() => expect(credential(made)!.warning).toContain("in 0 days"));
  });
});
