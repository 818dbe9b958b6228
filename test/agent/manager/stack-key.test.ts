import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeIdentity } from "../../../agent/manager/identity.ts";
import { stackKeys } from "../../../agent/manager/stack-key.ts";

const pem = () =>
  generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({
    type: "sec1",
    format: "pem",
  }) as string;
const [old, fresh] = [pem(), pem()];
let ids = 0;
const deps = { id: (digits: number) => String(++ids % 10).repeat(digits) };
let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), "muster-key-"))));
afterEach(() => rmSync(directory, { recursive: true }));

const identityOf = (secrets: { caKey?: string; earlierCaKey?: string }) =>
  makeIdentity(...stackKeys(secrets, directory, deps));

test("a manager on another disk knows the sessions that one with the same CA gave, in whatever form the key comes", () => {
  const session = identityOf({ caKey: old }).session("m1");
  expect(readdirSync(directory)).toEqual([]);
  const other = createPrivateKey(old).export({ type: "pkcs8", format: "pem" }) as string;
  expect(identityOf({ caKey: other }).holderOf(session)).toMatchObject({ machine: "m1" });
  expect(identityOf({ caKey: fresh }).holderOf(session)).toBeNull();
});

test("while the CA is exchanged a session of before is known and new ones are signed under the new key", () => {
  const session = identityOf({ caKey: old }).session("m1");
  const during = identityOf({ caKey: fresh, earlierCaKey: old });
  expect(during.holderOf(session)).toMatchObject({ machine: "m1" });
  expect(during.session("m2")).toBe(identityOf({ caKey: fresh }).session("m2"));
  expect(during.session("m2")).not.toBe(identityOf({ caKey: old }).session("m2"));
});

test("where there is no CA the key is made once and kept", () => {
  const session = identityOf({}).session("m1");
  expect(readdirSync(directory)).toEqual(["stack.key"]);
  expect(identityOf({}).holderOf(session)).toMatchObject({ machine: "m1" });
});

test("what is no key is refused without a word of it", () => {
  expect(() => identityOf({ caKey: "planted" })).toThrow(
    /^the secret caKey is no private key in PEM: run "pulumi up"$/,
  );
});
