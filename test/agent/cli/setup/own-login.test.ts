/** The two ways without a page: a token, and an App that exists. Each is tried at GitHub before it is stored. */
import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { InstallationOptions, PatOptions } from "../../../github/options.ts";
import { makeRig } from "./rig.ts";

const token = "ghp_planted0secret0token";
const day = 24 * 3_600_000;
const withToken = (pat: Partial<PatOptions> = {}, more: Parameters<typeof makeRig>[0] = {}) =>
  makeRig({ tokens: [{ token, ...pat }], stdin: `${token}\n`, ...more });
const byToken = { way: { kind: "token" } } as const;

test("a token is tried with the manager's own call, then stored; an App's login goes", async () => {
  const rig = await withToken({ permissions: { administration: "write" } });
  rig.config.plain["muster:github"] = { url: "https://github.com/acme/old", app: { id: 5, installation: 6 } };
  rig.config.secrets.set("muster:githubAppKey", "old");
  const result = await rig.run({ ...byToken, force: true });
  expect(rig.github.control.calls()["rest.registration-token"]).toBe(1);
  expect(rig.config.plain["muster:github"]).toEqual({ url: rig.github.repositoryUrl });
  expect([...rig.config.secrets]).toEqual([["muster:githubToken", token]]);
  expect(result.missing).toEqual([]);
  expect(JSON.stringify([result, rig.said])).not.toContain(token);
});

test("at a terminal the token is asked for, and never said again", async () => {
  const rig = await withToken({}, { answers: [token] });
  await rig.run({ ...byToken, url: rig.github.repositoryUrl });
  expect(rig.config.secrets.get("muster:githubToken")).toBe(token);
  expect(rig.said.join()).not.toContain(token);
});

test.each<[string, Partial<PatOptions>, string, RegExp]>([
  ["is not known", { token: "ghp_other" }, "/acme/widgets", /does not accept the token.*settings\/tokens/],
  ["has ended", { expiresMs: 1 }, "/acme/widgets", /does not accept the token/],
  ["cannot see the address", {}, "/acme/nothing", /cannot see .*\/acme\/nothing/],
  [
    "lacks the right in a repository",
    { permissions: { metadata: "read" } },
    "/acme/widgets",
    /may not register runners.*"Administration: read and write" \(fine-grained\) or repo \(classic\)/,
  ],
  [
    "lacks the right in an organisation",
    { permissions: { administration: "write" } },
    "/acme",
    /may not register runners.*"Self-hosted runners: read and write".*admin:org/,
  ],
])("a token that %s is refused with what to do, and nothing is stored", async (_, pat, path, why) => {
  const rig = await withToken(pat);
  const running = rig.run({ ...byToken, url: `${rig.github.url}${path}` });
  await expect(running).rejects.toThrow(why);
  await expect(running).rejects.not.toThrow(token);
  expect(rig.config.calls).toEqual([]);
});

test.each([
  ["", "empty"],
  ["two words", "one word"],
  ["-----BEGIN RSA PRIVATE KEY-----\nabc", "private key, not a token"],
  ["ghs_abc", "ends within hours"],
])("what is no token is refused before GitHub is asked: %j", async (stdin, why) => {
  const rig = await makeRig({ stdin });
  await expect(rig.run(byToken)).rejects.toThrow(why);
  expect(rig.github.control.calls()).toEqual({});
});

test("an end that is near and scopes beyond the need are noted", async () => {
  const rig = await withToken({ expiresMs: Date.now() + 5 * day, scopes: ["repo", "admin:org", "gist"] });
  const { login, warnings } = await rig.run(byToken);
  expect((login as { expires: string }).expires).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  expect(warnings).toEqual([
    expect.stringContaining("the token ends on"),
    "the token also holds admin:org, gist, which muster does not need",
  ]);
});

test("what the stack has is shown and kept without --force or a yes", async () => {
  const rig = await withToken();
  rig.config.secrets.set("muster:githubToken", "old");
  await expect(rig.run(byToken)).rejects.toThrow("nothing was changed; --force");
  expect(rig.said.join()).toContain("a token (muster:githubToken)");
  const asked = await withToken({}, { answers: ["no", "yes", token] });
  asked.config.secrets.set("muster:githubToken", "old");
  const url = asked.github.repositoryUrl;
  await expect(asked.run({ ...byToken, url })).rejects.toThrow("nothing was changed.");
  await asked.run({ ...byToken, url });
  expect(asked.config.secrets.get("muster:githubToken")).toBe(token);
});

test("GitHub down: nothing is stored, and the place to look is named", async () => {
  const rig = await withToken();
  rig.github.control.setFault({ kind: "status", on: "rest.*", status: 503 });
  await expect(rig.run(byToken)).rejects.toThrow(/gave no useful answer 3 times.*status 503.*githubstatus/);
  expect(rig.config.calls).toEqual([]);
});

test("a spent rate limit is told, not waited for", async () => {
  const rig = await withToken({}, { rateLimit: 0 });
  await expect(rig.run(byToken)).rejects.toThrow(/allows no more calls for \d+ min/);
});

test("without an address, or with one that would leak the token, there is nothing to set up", async () => {
  const rig = await withToken();
  await expect(rig.run({ ...byToken, url: null })).rejects.toThrow("--url is missing");
  await expect(rig.run({ ...byToken, url: "http://github.com/acme" })).rejects.toThrow("unencrypted");
});

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const publicKey = pair.publicKey.export({ type: "spki", format: "pem" }) as string;
const pem = (type: "pkcs1" | "pkcs8") => pair.privateKey.export({ type, format: "pem" }) as string;

const keyFile = async (text: string, mode = 0o600) => {
  const folder = await mkdtemp(join(tmpdir(), "muster-key-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "key.pem");
  await writeFile(file, text, { mode });
  return file;
};
const withApp = (installation: Partial<InstallationOptions> = {}) =>
  makeRig({ apps: [{ id: 7, publicKey, installations: [{ id: 9, account: "acme", ...installation }] }] });
const own = (keyFile: string, more: { id?: number; installation?: number } = {}) => ({
  way: { kind: "own-app", id: 7, installation: null, keyFile, ...more } as const,
});

test.each(["pkcs1", "pkcs8"] as const)(
  "an App that exists is checked and its installation found (%s)",
  async (type) => {
    const rig = await withApp();
    rig.config.secrets.set("muster:githubToken", "old");
    const { login, warnings } = await rig.run({ ...own(await keyFile(pem(type), 0o644)), force: true });
    expect(login).toMatchObject({ kind: "app", id: 7, installation: 9, name: "app-7" });
    expect(rig.config.plain["muster:github"]).toEqual({
      url: rig.github.repositoryUrl,
      app: { id: 7, installation: 9 },
    });
    expect([...rig.config.secrets]).toEqual([["muster:githubAppKey", pem("pkcs8").trim()]]);
    expect(warnings[0]).toMatch(/stored encrypted now: remove .*which others of this computer may read/);
    expect(warnings.join()).toContain('"actions: write", which muster does not need');
  },
);

test.each<[string, Partial<InstallationOptions>, { id?: number; installation?: number }, RegExp]>([
  ["another App's key", {}, { id: 8 }, /refused with status 401.*Compare the App id/],
  ["no such installation", {}, { installation: 10 }, /10 is none of its installations/],
  [
    "an installation elsewhere",
    { account: "umbrella" },
    {},
    /installed for umbrella \(9\) only: choose acme/,
  ],
  [
    "an installation for another account",
    { account: "umbrella" },
    { installation: 9 },
    /is for umbrella, not for acme/,
  ],
  ["a missing right", { permissions: { metadata: "read" } }, {}, /lacks "Administration: read and write"/],
  ["a repository that is left out", { repositories: ["other"] }, {}, /does not cover acme\/widgets/],
  ["a suspended installation", { suspended: true }, {}, /is suspended: unsuspend it/],
])("%s is refused with what to do, and nothing is stored", async (_, installation, given, why) => {
  const rig = await withApp(installation);
  await expect(rig.run(own(await keyFile(pem("pkcs1")), given))).rejects.toThrow(why);
  expect(rig.config.calls).toEqual([]);
});

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const encrypted = pair.privateKey.export({
  type: "pkcs8",
  format: "pem",
  cipher: "aes-256-cbc",
  passphrase: "x",
});
test.each([
  ["a public key", publicKey, /is public \(PUBLIC KEY\)/],
  ["an encrypted key", encrypted, /is encrypted.*openssl pkey/],
  ["a key of another kind", ec.privateKey.export({ type: "pkcs8", format: "pem" }), /of the kind ec/],
  ["a key for SSH", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc", /for SSH/],
  ["two keys", pem("pkcs1") + pem("pkcs1"), /more than one/],
  ["a damaged key", pem("pkcs1").replace(/.{60}\n/, "\n"), /is damaged/],
  ["something else", "hello", /no PEM file/],
  ["nothing", "", /is empty/],
])("%s is named, and never repeated", async (_, text, why) => {
  const rig = await withApp();
  const running = rig.run(own(await keyFile(String(text))));
  await expect(running).rejects.toThrow(why);
  await expect(running).rejects.not.toThrow(/MII/);
  expect(rig.github.control.calls()["rest.app"]).toBeUndefined();
});

test("a missing file, a folder, and a key in place of a file's name are told apart", async () => {
  const rig = await withApp();
  await expect(rig.run(own("/nowhere/key.pem"))).rejects.toThrow("there is no such file");
  await expect(rig.run(own(tmpdir()))).rejects.toThrow("is no key");
  await expect(rig.run(own(pem("pkcs1")))).rejects.toThrow(/in the shell's history now.*Delete that key/);
});

test("the key may come by standard input", async () => {
  const rig = await makeRig({
    apps: [{ id: 7, publicKey, installations: [{ id: 9, account: "acme" }] }],
    stdin: pem("pkcs1").replaceAll("\n", "\r\n"),
  });
  expect((await rig.run(own("-"))).login).toMatchObject({ installation: 9 });
});
