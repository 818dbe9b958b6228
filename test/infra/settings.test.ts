import { expect, test } from "vitest";
import { SettingsError, type Wrong } from "../../infra/errors.ts";
import { parseSettings, type Settings, type SettingsInput } from "../../infra/settings.ts";

const loopback = { url: "http://127.0.0.1:8080/acme/app" };
const input = (values: Record<string, unknown>, secretKeys: string[] = ["githubToken"]): SettingsInput => ({
  stack: "local",
  values,
  secretKeys: new Set(secretKeys),
  arch: "X64",
  places: { root: "/home/me/muster", home: "/home/me" },
  confinement: { kind: "user-namespace", refused: [] },
});
const unconfined = {
  kind: "none",
  refused: ["an own uid is not to be had (not root): be root", "a user namespace is not to be had: allow it"],
} as const;
const parse = (values: Record<string, unknown>, secretKeys?: string[]) =>
  parseSettings(input(values, secretKeys));
const localManager = (settings: Settings) => {
  if (settings.manager.on !== "local") throw new Error("the manager is not on this computer");
  return settings.manager;
};
const wrongs = (values: Record<string, unknown>, secretKeys?: string[]): readonly Wrong[] => {
  try {
    parse(values, secretKeys);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).wrong;
  }
  throw new Error("nothing was refused");
};
const only = (values: Record<string, unknown>, secretKeys?: string[]): Wrong => {
  const all = wrongs(values, secretKeys);
  expect(all).toHaveLength(1);
  return all[0]!;
};
const pool = (settings: Record<string, unknown>) => ({ github: loopback, pools: { p: settings } });

test("a GitHub address and a token are enough: one pool on this computer with the defaults", () => {
  expect(parse({ github: loopback })).toEqual({
    github: { url: loopback.url, login: { kind: "token" }, source: "auto" },
    manager: {
      on: "local",
      port: 7117,
      directory: null,
      drainTimeoutSeconds: 600,
      readable: [],
      unconfined: true,
    },
    pools: {
      local: {
        labels: ["self-hosted", "linux", "X64"],
        max: 4,
        minIdle: 0,
        idleTimeoutSeconds: 300,
        maxJobSeconds: 21_600,
        reuse: false,
        gpu: null,
        runnerGroup: "Default",
        publicRepositories: "refuse",
        shareLabels: false,
        rerun: "once",
        backends: [{ kind: "local" }],
      },
    },
    budget: null,
    aws: null,
    warnings: [],
  });
});

test("a GitHub App, durations, money and both ways of writing a backend", () => {
  const settings = parse(
    {
      github: { ...loopback, app: { id: 123, installation: 456 } },
      manager: { drainTimeout: "90s", directory: "state" },
      pools: {
        a: { labels: ["a"], idleTimeout: "30s", maxJobTime: "1.5h", backends: ["local"] },
        b: { labels: ["b"], backends: [{ local: {} }] },
      },
      budget: { perHour: 0.25, currency: "EUR" },
    },
    ["githubAppKey"],
  );
  expect(settings.github.login).toEqual({ kind: "app", appId: 123, installationId: 456 });
  expect(settings.manager).toMatchObject({ drainTimeoutSeconds: 90, directory: "state" });
  expect(settings.pools.a).toMatchObject({ idleTimeoutSeconds: 30, maxJobSeconds: 5_400 });
  expect(settings.pools.b!.backends).toEqual([{ kind: "local" }]);
  expect(settings.budget).toEqual({ microsPerHour: 250_000, currency: "EUR" });
});

test("everything that is wrong is said at once", () => {
  const all = wrongs({
    github: { url: "acme" },
    pools: { p: { max: -1, idleTimeout: "5 minutes", lables: ["x"] } },
    poools: {},
    budget: { perHour: "5" },
  });
  expect(all.map(({ path }) => path).sort()).toEqual([
    "muster:budget.perHour",
    "muster:github.url",
    "muster:pools.p.idleTimeout",
    "muster:pools.p.lables",
    "muster:pools.p.max",
    "muster:poools",
  ]);
  const message = new SettingsError("local", all).message;
  expect(message).toContain('muster:pools.p.idleTimeout = "5 minutes": allowed is a duration');
  expect(message).toContain("muster:pools.p.max = -1: allowed is a whole number from 0 to 1000");
});

test.each([
  [{ pool: {} }, "muster:pool", "did you mean pools?"],
  [pool({ maks: 3 }), "muster:pools.p.maks", "did you mean max?"],
  [{ github: { ...loopback, ap: {} } }, "muster:github.ap", "did you mean app?"],
  [{ manager: { prot: 1 }, github: loopback }, "muster:manager.prot", "did you mean port?"],
  [
    { github: loopback, budget: { perHour: 1, currency: "USB" } },
    "muster:budget.currency",
    "did you mean USD?",
  ],
])("a name that is not known is refused with the nearest: %j", (values, path, text) => {
  const wrong = wrongs({ github: loopback, ...values })[0]!;
  expect(wrong.path).toBe(path);
  expect(wrong.allowed).toContain(text);
});

test.each([
  [{ manager: { on: "hetzner" } }, "muster:manager.on", "hetzner is not built yet; local and aws work"],
  [{ manager: { on: "locla" } }, "muster:manager.on", "did you mean local?"],
  [
    pool({ backends: [{ hetzner: { types: ["cax31"] } }] }),
    "muster:pools.p.backends.0",
    "hetzner is not built yet; local and aws work",
  ],
  [pool({ backends: [{ local: { cores: 2 } }] }), "muster:pools.p.backends.0", "takes no settings"],
])("places that cannot be used yet are refused with what works: %j", (values, path, text) => {
  const wrong = only({ github: loopback, ...values });
  expect(wrong.path).toBe(path);
  expect(wrong.allowed).toContain(text);
});

test("without a GitHub address the line that sets it is shown", () => {
  expect(only({}).allowed).toContain("pulumi config set --path muster:github.url");
});

test.each([
  "github.com/acme",
  "https://github.com",
  "https://github.com/a/b/c",
  "ftp://github.com/acme",
  "https://user:pw@github.com/acme",
  "http://github.com/acme",
])("%s is no address where runners are registered", (url) => {
  expect(wrongs({ github: { url } })[0]!.path).toBe("muster:github.url");
});

const real = { github: { url: "https://github.com/acme/app" } };
const where = (values: Record<string, unknown>, confinement: SettingsInput["confinement"]) =>
  parseSettings({ ...input(values), confinement });

test("a real GitHub where jobs cannot be confined is refused: why, the cures, and the word that it is meant", () => {
  const refusal = () => where(real, unconfined);
  expect(refusal).toThrow(
    "muster:trustJobs = false: jobs of https://github.com/acme/app would run on this computer",
  );
  expect(refusal).toThrow(
    "because an own uid is not to be had (not root): be root; a user namespace is not to be had: allow it.",
  );
  expect(refusal).toThrow("npm run pulumi -- config set muster:trustJobs true -s local");
  expect(localManager(where({ ...real, trustJobs: true }, unconfined)).unconfined).toBe(true);
  expect(localManager(where({ github: { url: "http://[::1]:80/acme" } }, unconfined)).unconfined).toBe(true);
});

test("a real GitHub where jobs can be confined needs no word, and none switches the confinement off", () => {
  for (const kind of ["own-uid", "user-namespace"] as const) {
    const confinement = { kind, refused: [] };
    expect(localManager(where(real, confinement)).unconfined).toBe(false);
    expect(where({ ...real, trustJobs: true }, confinement).github.url).toBe(real.github.url);
  }
});

test("what jobs may read is a list of paths", () => {
  expect(localManager(parse({ github: loopback, manager: { readable: ["/srv/sdk"] } })).readable).toEqual([
    "/srv/sdk",
  ]);
  expect(only({ github: loopback, manager: { readable: "/srv/sdk" } }).allowed).toContain("list of paths");
});

test("where jobs are heard of is one of three, and an enterprise has no queued runs", () => {
  expect(parse({ github: { ...loopback, source: "queued-runs" } }).github.source).toBe("queued-runs");
  expect(only({ github: { ...loopback, source: "queued-run" } }).allowed).toContain(
    "did you mean queued-runs?",
  );
  const enterprise = { url: `${new URL(loopback.url).origin}/enterprises/acme`, source: "queued-runs" };
  expect(only({ github: enterprise }).allowed).toContain("an enterprise has no list of queued runs");
});

test("minIdle is at most max", () => {
  expect(only(pool({ max: 1, minIdle: 2 })).allowed).toContain("at most the pool's max, which is 1");
});

test("gpu is true, false or a vendor; false is the default, which does not care", () => {
  const gpuOf = (gpu: unknown) => parse(pool({ gpu })).pools.p?.gpu;
  expect([true, false, "nvidia", "amd", "intel", undefined].map(gpuOf)).toEqual([
    ...[true, null, "nvidia", "amd", "intel", null],
  ]);
  expect(only(pool({ gpu: "nvdia" }))).toMatchObject({
    path: "muster:pools.p.gpu",
    given: '"nvdia"',
    allowed: "allowed is true for any graphics processor, or one of nvidia, amd, intel",
  });
});

test("pool names are those that fit into names at GitHub", () => {
  expect(only({ github: loopback, pools: { "My Pool": {} } }).allowed).toContain("small letters");
  expect(only({ github: loopback, pools: {} }).allowed).toContain("at least one pool");
});

test.each([
  ["equal", ["self-hosted", "gpu"], ["self-hosted", "GPU"]],
  ["contain", ["self-hosted"], ["self-hosted", "linux"]],
  ["contain", ["linux", "self-hosted", "arm64"], ["Self-Hosted", "ARM64"]],
])("labels that %s another pool's are refused", (how, one, two) => {
  const wrong = only({ github: loopback, pools: { one: { labels: one }, two: { labels: two } } });
  expect(wrong.allowed).toContain(`these ${how} the labels of pool`);
});

test("overlapping labels are fine, and a label twice is not", () => {
  parse({ github: loopback, pools: { one: { labels: ["linux", "a"] }, two: { labels: ["linux", "b"] } } });
  expect(only(pool({ labels: ["linux", "Linux"] })).allowed).toContain("given once");
});

test("labels are compared although something else in the pools is wrong", () => {
  const pools = { one: { labels: ["a"] }, two: { labels: ["a"] }, three: { labels: ["b"], max: "many" } };
  expect(wrongs({ github: loopback, pools })).toHaveLength(2);
});

test("the cure for labels that contain another pool's names both pools", () => {
  const pools = { gpu: { labels: ["linux", "gpu"] }, plain: { labels: ["linux"] } };
  const { path, allowed } = only({ github: loopback, pools });
  expect(path).toBe("muster:pools.gpu.labels");
  expect(allowed).toContain("jobs for plain could land here; give plain a label that gpu does not have");
});

test("public repositories are never allowed on this computer, and the sentence says what is", () => {
  const { path, allowed } = only(pool({ publicRepositories: "allow" }));
  expect(path).toMatch(/^muster:pools\.\w+\.publicRepositories$/);
  expect(allowed).toMatch(
    /on this computer.*allowed is refuse, or a pool whose backends are single-use cloud/,
  );
  expect(only(pool({ publicRepositories: "alow" })).allowed).toContain("did you mean allow?");
});

test("shareLabels is a plain yes or no", () => {
  expect(Object.values(parse(pool({ shareLabels: true })).pools)[0]).toMatchObject({ shareLabels: true });
  expect(only(pool({ shareLabels: "yes" })).allowed).toBe("allowed is true or false");
});

const setToken = "pulumi config set --secret muster:githubToken -s local";
test.each([
  ["no token", { github: loopback }, [], "muster:githubToken", `missing; ${setToken}`],
  ["a token in clear", { github: loopback, githubToken: "ghp_x" }, [], "muster:githubToken", setToken],
  [
    "a token inside an object",
    { github: { ...loopback, token: "ghp_x" } },
    ["githubToken"],
    "muster:github.token",
    setToken,
  ],
  [
    "a secure value inside an object",
    { github: loopback },
    ["githubToken", "pools"],
    "muster:pools",
    "flat keys",
  ],
  [
    "a key that is not used",
    { github: loopback },
    ["githubToken", "githubAppKey"],
    "muster:githubAppKey",
    "pulumi config rm muster:githubAppKey",
  ],
  [
    "an app without its key",
    { github: { ...loopback, app: { id: 1, installation: 2 } } },
    [],
    "muster:githubAppKey",
    "missing; pulumi config set --secret muster:githubAppKey -s local",
  ],
])("%s is refused with the line that helps", (_, values, secretKeys, path, text) => {
  const wrong = only(values, secretKeys);
  expect(wrong.path).toBe(path);
  expect(wrong.allowed).toContain(text);
  expect(JSON.stringify(wrong)).not.toContain("ghp_x");
});

test("a secure value in the place of the address hides nothing else", () => {
  const all = wrongs({ budget: { perHour: -1 } }, ["github", "githubToken"]);
  expect(all.map(({ path }) => path)).toEqual(["muster:github", "muster:budget.perHour"]);
});

test("what looks like a credential is not repeated in an error", () => {
  expect(only({ github: { url: "ghp_0123456789" } }).given).toBe('"..."');
});

test.each([
  ["/", "/ holds this checkout, /home/me/muster"],
  ["/home", "/home holds this checkout"],
  ["/home/me/", "/home/me holds this checkout"],
  ["..", "/home/me holds this checkout"],
  [".", "/home/me/muster is this checkout"],
])("the manager's folder may not be %s", (directory, why) => {
  const { path, allowed } = only({ github: loopback, manager: { directory } });
  expect(path).toBe("muster:manager.directory");
  expect(allowed).toContain(why);
  expect(allowed).toContain("destroy would remove it");
});

test("the manager's folder may not be the home of a user whose checkout lies elsewhere", () => {
  const values = { github: loopback, manager: { directory: "/home/me" } };
  const places = { root: "/srv/muster", home: "/home/me" };
  expect(() => parseSettings({ ...input(values), places })).toThrow("/home/me is your home");
  expect(localManager(parse({ github: loopback, manager: { directory: "../..state" } })).directory).toBe(
    "../..state",
  );
});
