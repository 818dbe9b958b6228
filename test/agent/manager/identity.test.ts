import { describe, expect, test } from "vitest";
import { makeIdentity } from "../../../agent/manager/identity.ts";

const identity = makeIdentity(Buffer.alloc(32, 1));

test("a token belongs to one machine and one stack", () => {
  expect(identity.isToken("m1", identity.token("m1"))).toBe(true);
  expect(identity.isToken("m2", identity.token("m1"))).toBe(false);
  expect(makeIdentity(Buffer.alloc(32, 2)).isToken("m1", identity.token("m1"))).toBe(false);
});

test("a session names its machine; a changed one names nobody", () => {
  const session = identity.session("m1");
  expect(identity.holderOf(session)).toEqual({ machine: "m1", address: "" });
  const [name, mac] = session.split(".");
  const other = Buffer.from("m2").toString("base64url");
  for (const forged of [
    `${other}.${mac}`,
    `${name}.`,
    "",
    ".",
    "x",
    `${name}.${mac}x`,
    identity.token("m1"),
  ]) {
    expect(identity.holderOf(forged), forged).toBeNull();
  }
});

test("a session names the address that it was given to, and no part of it can be exchanged", () => {
  const session = identity.session("m1", "192.0.2.7");
  expect(identity.holderOf(session)).toEqual({ machine: "m1", address: "192.0.2.7" });
  const [name, address, mac] = session.split(".");
  const elsewhere = Buffer.from("192.0.2.8").toString("base64url");
  const plain = identity.session("m1").split(".")[1];
  for (const forged of [
    `${name}.${mac}`,
    `${name}.${elsewhere}.${mac}`,
    `${name}.${address}.${plain}`,
    `${name}..${mac}`,
    `${name}.${address}.${address}.${mac}`,
    `${Buffer.from("m1\u0000192.0.2.7").toString("base64url")}.${mac}`,
  ]) {
    expect(identity.holderOf(forged), forged).toBeNull();
  }
});

test("a session is no token and a token no session", () => {
  expect(identity.isToken("m1", identity.session("m1").split(".")[1]!)).toBe(false);
});

test("a restarted manager knows the sessions it gave", () => {
  expect(makeIdentity(Buffer.alloc(32, 1)).holderOf(identity.session("m1"))?.machine).toBe("m1");
});

test("a short key is refused", () => {
  expect(() => makeIdentity(Buffer.alloc(31))).toThrow(/31 bytes/);
});

describe("while the key is exchanged", () => {
  const [old, fresh] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
  const during = makeIdentity(fresh, old);
  const after = makeIdentity(fresh);

  test.each([
    ["booting, with a token of before", () => during.isToken("m1", identity.token("m1"))],
    ["idle or busy, with a session of before", () => during.holderOf(identity.session("m1")) !== null],
    [
      "idle or busy, with a session bound to an address",
      () => during.holderOf(identity.session("m1", "192.0.2.7"))?.address === "192.0.2.7",
    ],
    [
      "launched meanwhile, still known afterwards",
      () => after.isToken("m2", during.token("m2")) && after.holderOf(during.session("m2")) !== null,
    ],
  ])("a machine is not lost: %s", (_, known) => expect(known()).toBe(true));

  test("nothing is signed under the old key any more, and its end is the end of what it signed", () => {
    expect(during.session("m1")).toBe(after.session("m1"));
    expect(during.token("m1")).toBe(after.token("m1"));
    expect(after.holderOf(identity.session("m1"))).toBeNull();
    expect(after.isToken("m1", identity.token("m1"))).toBe(false);
    expect(during.holderOf(makeIdentity(Buffer.alloc(32, 3)).session("m1"))).toBeNull();
  });

  test("a short key is refused there, too", () => {
    expect(() => makeIdentity(fresh, Buffer.alloc(8))).toThrow(/8 bytes/);
  });
});
