/** Logging in: token and App, renewal, and secrets that stay where they belong. */
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { inspect } from "node:util";
import { expect, test } from "vitest";
import { expiryOf } from "../../../../agent/manager/github/connection.ts";
import { hide } from "../../../../agent/manager/github/errors.ts";
import { clock as virtual, eventually, pass, signal, started } from "./harness.ts";
import { figures, refusal } from "./script.ts";

const { privateKey: githubAppKey, publicKey } = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs1", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
// Installations differ, for octokit keeps what is under way in one place for the whole process.
const app = (installationId: number) => ({
  login: { kind: "app" as const, appId: 12, installationId },
  secrets: { githubAppKey },
});

test("a token leads through registration token and registration to the admin token of the service", async () => {
  const { script } = await started();
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  const [asked] = script.calls("registration-token");
  expect(asked!.path).toBe("/api/v3/repos/acme/widgets/actions/runners/registration-token");
  expect(asked!.headers["authorization"]).toBe("Bearer ghp_planted0token");
  const [registered] = script.calls("register");
  expect(registered!.headers["authorization"]).toMatch(/^RemoteAuth AREG/);
  expect(registered!.body).toEqual({ url: `${script.url}/acme/widgets`, runner_event: "register" });
  expect(script.calls("sets.list")[0]!.headers["authorization"]).toMatch(/^Bearer eyJ/);
});

test("an organisation's runners are registered at the organisation", async () => {
  const { script } = await started(undefined, {});
  const organisation = await started(undefined, { url: `${script.url}/acme` });
  await eventually(() => expect(script.calls("registration-token").length).toBeGreaterThan(1));
  expect(script.calls("registration-token").at(-1)!.path).toBe(
    "/api/v3/orgs/acme/actions/runners/registration-token",
  );
  expect(organisation.failed()).toEqual([]);
});

test("the two writes of the login are not spaced by the second that the throttling plugin puts between writes", async () => {
  const gaps: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    let askedMs = 0;
    const { script } = await started((github) => {
      github.next("registration-token", () => {
        askedMs = performance.now();
        return "plain";
      });
      github.next("register", () => {
        gaps.push(performance.now() - askedMs);
        return "plain";
      });
    });
    await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  }
  expect(Math.min(...gaps)).toBeLessThan(900);
});

test("an App asks for an installation token with exactly the rights that are used, for this repository", async () => {
  const { script } = await started(undefined, app(1));
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  const [asked] = script.calls("installation-token");
  expect(asked!.path).toBe("/api/v3/app/installations/1/access_tokens");
  expect(asked!.body).toEqual({ permissions: { administration: "write" }, repositories: ["widgets"] });
  const jwt = asked!.headers["authorization"]!.split(" ")[1]!;
  const [head, claims, signature] = jwt.split(".") as [string, string, string];
  const signed = verify(
    "sha256",
    Buffer.from(`${head}.${claims}`),
    createPublicKey(publicKey),
    Buffer.from(signature, "base64url"),
  );
  expect(signed).toBe(true);
  const { iat, exp, iss } = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, number>;
  expect(Number(iss)).toBe(12);
  expect(exp! - iat!).toBeLessThanOrEqual(600);
  expect(script.calls("registration-token")[0]!.headers["authorization"]).toMatch(/^Bearer ghs_/);
});

test("an App at an organisation asks for self-hosted runners only", async () => {
  const { script } = await started();
  await started(undefined, { ...app(2), url: `${script.url}/acme` });
  await eventually(() => expect(script.calls("installation-token")).toHaveLength(1));
  expect(script.calls("installation-token")[0]!.body).toEqual({
    permissions: { organization_self_hosted_runners: "write" },
  });
});

test("an installation token that is refused is asked for again, once", async () => {
  const { script, failed } = await started(
    (github) => github.next("registration-token", { status: 401, json: { message: "Bad credentials" } }),
    app(3),
  );
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  expect(script.calls("installation-token")).toHaveLength(2);
  const [first, second] = script.calls("registration-token").map(({ headers }) => headers["authorization"]);
  expect(second).not.toBe(first);
  expect(failed()).toEqual([]);
});

test("installation tokens are kept: a second login within the hour asks for none", async () => {
  const { script, github } = await started((server) => (server.adminLifeMs = 1_000), {
    ...app(4),
    timings: { adminSpareMs: 0 },
  });
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  await eventually(async () => {
    await github.remove("a", { id: 1, name: "none" }, signal());
    expect(script.calls("register").length).toBeGreaterThan(1);
  });
  expect(script.calls("installation-token")).toHaveLength(1);
});

test.each([
  ["no token at all", { secrets: {} }, "there is no githubToken"],
  ["no App key", { ...app(5), secrets: {} }, "there is no githubAppKey"],
  ["an App key that is none", { ...app(6), secrets: { githubAppKey: "planted0key" } }, "PEM"],
])("%s is reported as denied, with the cure", async (_name, options, words) => {
  const { failed, lines } = await started(undefined, options);
  await eventually(() => expect(failed()).not.toHaveLength(0));
  expect(failed()[0]!.failure.reason).toBe("denied");
  expect(failed()[0]!.failure.detail).toContain(words);
  expect(lines.join("")).not.toContain("planted0key");
});

test("an App cannot serve an enterprise, and is told so", async () => {
  const { script } = await started();
  const { failed } = await started(undefined, { ...app(7), url: `${script.url}/enterprises/acme` });
  await eventually(() => expect(failed()[0]?.failure.detail).toContain("manage_runners:enterprise"));
});

test.each([
  [401, {}, "denied", "Check that githubToken is valid"],
  [403, {}, "denied", "Administration: read and write"],
  [404, {}, "denied", "may see"],
  [403, { "retry-after": "60" }, "throttled", "403"],
  [403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" }, "throttled", "403"],
  [429, { "retry-after": "1" }, "throttled", "429"],
  [500, {}, "unavailable", "500"],
])("%i with %j while logging in means %s", async (status, headers, reason, words) => {
  const { failed } = await started((github) =>
    github.always("registration-token", { status, headers, json: { message: "simulated" } }),
  );
  await eventually(() => expect(failed()).not.toHaveLength(0));
  expect(failed()[0]!.failure).toMatchObject({ reason, scope: { on: "github", key: "a" } });
  expect(failed()[0]!.failure.detail).toContain(words);
});

test.each(["registration-token", "register", "sets.list", "session.create"] as const)(
  "%s that is never answered is given up and asked again",
  async (route) => {
    const { script } = await started((github) => github.next(route, "hang"), {
      timings: { callTimeoutMs: 60 },
    });
    await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  },
);

test("a registration token that is not known everywhere yet is tried again", async () => {
  const { script, failed } = await started((github) =>
    github.next("register", { status: 401 }, { status: 403 }),
  );
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  expect(script.calls("registration-token")).toHaveLength(1);
  expect(failed()).toEqual([]);
});

test("an admin token is renewed when less than 60 s of it are left, once for all who ask", async () => {
  const clock = virtual();
  const made = await started((github) => (github.adminLifeMs = 300_000), { clock });
  const { script, github } = made;
  await pass(clock, made, () => script.calls("poll").length === 1, 5_000);
  await clock.advance(200_000);
  await Promise.all([1, 2].map((id) => github.remove("a", { id, name: "x" }, signal())));
  expect(script.calls("register")).toHaveLength(1);
  await clock.advance(50_000);
  await Promise.all([1, 2, 3, 4, 5].map((id) => github.remove("a", { id, name: "x" }, signal())));
  expect(script.calls("register")).toHaveLength(2);
});

test("an admin token that the service refuses is replaced and the call repeated", async () => {
  let refused: string | undefined;
  const { script, failed } = await started((github) =>
    github.always("sets.list", ({ headers }) => {
      refused ??= headers["authorization"]!;
      return headers["authorization"] === refused ? refusal(401, "InvalidTokenException") : "plain";
    }),
  );
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  expect(script.calls("register")).toHaveLength(2);
  expect(script.calls("session.create")[0]!.headers["authorization"]).not.toBe(refused);
  expect(failed()).toEqual([]);
});

test("with a clock that runs ahead of GitHub's every new admin token looks old, and is used all the same", async () => {
  const { script, github } = await started((server) => (server.adminLifeMs = -3_600_000));
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  await github.remove("a", { id: 1, name: "x" }, signal());
  expect(script.calls("register")).toHaveLength(1);
});

test("the expiry of a token is read without verifying it; what cannot be read is no expiry", () => {
  const jwt = `x.${Buffer.from('{"exp":5}').toString("base64url")}.y`;
  expect([jwt, "opaque", "a.b.c", ""].map(expiryOf)).toEqual([5_000, null, null, null]);
});

test("no secret reaches a log line, a fact or an error, whatever GitHub repeats of it", async () => {
  const echo = ({ headers }: { headers: Record<string, string> }) => ({
    status: 500,
    json: { typeName: "Oops", message: `you sent ${headers["authorization"]}` },
  });
  const { script, github, lines, facts } = await started((server) => {
    server.statistics = figures({ totalAvailableJobs: 1 });
    server.next("registration-token", echo, echo, echo, echo);
    server.next("register", echo, echo, echo, echo);
  });
  await eventually(() => expect(script.calls("poll").length).toBeGreaterThan(0));
  for (const route of ["poll", "acknowledge", "sets.list", "session.create", "jit", "agents.delete"] as const)
    script.always(route, echo);
  script.push({ messageId: 1 });
  const errors = await Promise.all([
    github.mint("a", "runner", signal()).catch((error: unknown) => error),
    github.remove("a", { id: 3, name: "runner" }, signal()).catch((error: unknown) => error),
  ]);
  await eventually(() => expect(facts.filter(({ is }) => is === "demand-failed").length).toBeGreaterThan(1));
  const failures = errors.map((error) => github.classify(error, "a"));
  const all = [
    lines.join(""),
    JSON.stringify(facts),
    inspect(errors, { depth: 10 }),
    JSON.stringify(failures),
  ].join("\n");
  expect(all).toContain("[hidden]");
  for (const secret of ["planted0token", "AREG", "eyJ", "queuetoken", "jit-of-"])
    expect(all).not.toContain(secret);
});

test("what looks like a token or a private key is hidden even where nobody knows it", () => {
  const text =
    "a ghp_0123456789abcdef b github_pat_0123456789 c eyJhbGciOi.J9.x d -----BEGIN RSA PRIVATE KEY----- MIIE";
  expect(hide(text, [])).toBe("a [hidden] b [hidden] c [hidden] d [hidden]");
});
