import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  currentKey,
  drainingKey,
  drainSecondsMax,
  fileKey,
  githubHashName,
} from "../../../agent/manager-host.ts";
import { makeUpdaterRig, type UpdaterRig } from "./rig.ts";

let rig: UpdaterRig;
beforeEach(async () => {
  rig = await makeUpdaterRig();
  rig.up("one");
});
afterEach(() => rig.stop());

const restarts = () => rig.calls.filter((call) => call.startsWith("systemctl restart")).length;
const healthy = async () => {
  await rig.begin();
  await rig.turn(45_000);
  expect(rig.status()).toMatchObject({
    manager: rig.hash("one"),
    healthy: true,
    refused: null,
    problem: null,
  });
};

describe("the times of the product", () => {
  test("a changed setting is live within 30 s, in the same process", async () => {
    await healthy();
    rig.up("one", 9);
    await rig.turn(30_000);
    expect(rig.maxInSettings()).toBe(9);
    expect(rig.calls).toContain("/control/reload");
    expect(restarts()).toBe(1);
  });

  test("a bundle that stays red is taken back after 60 s, and not tried again", async () => {
    await healthy();
    rig.sick.add(rig.hash("two"));
    rig.up("two");
    await rig.turn(55_000);
    expect(rig.running()?.bundle).toBe(rig.hash("two"));
    await rig.turn(25_000);
    expect(rig.running()?.bundle).toBe(rig.hash("one"));
    await rig.turn(600_000);
    expect(restarts()).toBe(3);
    expect(rig.status()).toMatchObject({
      manager: rig.hash("one"),
      healthy: true,
      refused: { manager: rig.hash("two"), reason: expect.stringMatching(/^\/healthz was red for 6\d s$/) },
    });
  });

  test("a secret that changed outside the stack reaches the manager within six minutes", async () => {
    await healthy();
    rig.calls.length = 0;
    rig.parameters.set("/token", "secret-2");
    await rig.turn(360_000);
    expect(rig.calls).toContain("/control/secrets");
  });

  test("the status is written each minute", async () => {
    await healthy();
    const before = rig.status()!.at;
    await rig.turn(80_000);
    expect(rig.status()!.at > before).toBe(true);
  });
});

describe("a drain order", () => {
  const order = (writtenMs: number) => {
    rig.objects.set(drainingKey, JSON.stringify({ id: "leave", pools: null, timeoutSeconds: 600 }));
    rig.written.set(drainingKey, writtenMs);
  };
  /** The manager's answer takes real time. */
  const followed = () =>
    vi.waitFor(
      async () => {
        await rig.turn(1_000);
        expect(rig.status()!.drain).toEqual({ id: "leave", left: 0, done: true });
      },
      { timeout: 20_000, interval: 50 },
    );

  test("is void five minutes after its own timeout: the destroy that wrote it was killed, and the stack goes on", async () => {
    await healthy();
    const writtenMs = rig.now();
    order(writtenMs);
    await rig.turn(15_000);
    await followed();
    await rig.turn(writtenMs + 895_000 - rig.now());
    expect(rig.status()!.drain).not.toBe(null);
    expect(rig.calls).not.toContain("/control/undrain");
    await rig.turn(20_000);
    expect(rig.status()!.drain).toBe(null);
    await rig.turn(600_000);
    expect(rig.calls.filter((call) => call === "/control/undrain")).toHaveLength(1);
    expect(rig.calls.filter((call) => call === "/control/drain")).toHaveLength(1);
  });

  test("that asks for years counts for five days: nobody can hold a stack up for ever with one object", async () => {
    await healthy();
    rig.objects.set(drainingKey, JSON.stringify({ id: "leave", pools: null, timeoutSeconds: 1e12 }));
    rig.written.set(drainingKey, rig.now());
    await rig.turn(15_000);
    await followed();
    rig.written.set(drainingKey, rig.now() - drainSecondsMax * 1_000);
    rig.objects.set(drainingKey, JSON.stringify({ id: "leave", pools: null, timeoutSeconds: 1e12 + 1 }));
    await rig.turn(15_000);
    expect(rig.status()!.drain).not.toBe(null);
    await rig.turn(300_000);
    expect(rig.status()!.drain).toBe(null);
    expect(rig.calls).toContain("/control/undrain");
  });

  test("that is void before anybody saw it is never taken up; a new one in its place is", async () => {
    order(rig.now() - 3_600_000);
    await healthy();
    await rig.turn(60_000);
    expect(rig.calls).not.toContain("/control/drain");
    rig.objects.delete(drainingKey);
    await rig.turn(30_000);
    order(rig.now());
    await rig.turn(15_000);
    await followed();
  });

  test("that is taken back is undone at the next look", async () => {
    await healthy();
    order(rig.now());
    await rig.turn(15_000);
    await followed();
    rig.objects.delete(drainingKey);
    await rig.turn(15_000);
    expect(rig.status()!.drain).toBe(null);
    expect(rig.calls).toContain("/control/undrain");
  });
});

describe("what goes wrong leaves the manager alone and is said until it is well", () => {
  const named = (name: string, message: string) => Object.assign(new Error(message), { name });
  test.each([
    ["no network", currentKey, named("Error", "connect ETIMEDOUT")],
    ["S3 denies", currentKey, named("AccessDenied", "Access Denied")],
    ["S3 throttles", currentKey, named("SlowDown", "Please reduce your request rate.")],
    [
      "SSM denies the hashes",
      "parameter",
      named("AccessDeniedException", "not authorized to ssm:GetParameter"),
    ],
    [
      "SSM denies the secrets",
      "secrets",
      named("AccessDeniedException", "not authorized to ssm:GetParameters"),
    ],
    ["drain orders cannot be read", drainingKey, named("AccessDenied", "Access Denied")],
    ["CloudWatch denies", "metrics", named("AccessDenied", "not authorized to cloudwatch:PutMetricData")],
  ])("%s", async (_, where, error) => {
    await healthy();
    rig.faults.set(where, error);
    rig.up("one", 9);
    await rig.turn(400_000);
    expect(rig.status()).toMatchObject({ healthy: true, problem: expect.stringContaining(error.message) });
    expect(restarts()).toBe(1);
    rig.faults.clear();
    await rig.turn(90_000);
    expect(rig.maxInSettings()).toBe(9);
    expect(rig.status()!.problem).toBe(null);
  });

  test("an exchange of the CA whose keys cannot be read yet waits for them: no certificate meets another's key", async () => {
    rig.up("one", 2, 1);
    await healthy();
    expect(rig.certificateAndKey()).toEqual(["certificate 1", "key 1"]);
    rig.faults.set("secrets", named("AccessDeniedException", "not authorized to ssm:GetParameters"));
    rig.up("one", 2, 2);
    await rig.turn(90_000);
    expect(rig.certificateAndKey()).toEqual(["certificate 1", "key 1"]);
    expect(restarts()).toBe(1);
    rig.faults.clear();
    await rig.turn(90_000);
    expect(rig.certificateAndKey()).toEqual(["certificate 2", "key 2"]);
    expect(restarts()).toBe(2);
    expect(rig.status()).toMatchObject({ healthy: true, refused: null, problem: null });
  });

  test("a status that cannot be written is written later", async () => {
    await healthy();
    rig.faults.set("put", new Error("Service Unavailable"));
    rig.up("one", 9);
    await rig.turn(90_000);
    expect(rig.maxInSettings()).toBe(9);
    rig.faults.clear();
    const before = rig.status()!.at;
    await rig.turn(20_000);
    expect(rig.status()!.at > before).toBe(true);
  });

  test("an object of which only half was written", async () => {
    await healthy();
    const text = String(rig.objects.get(currentKey));
    rig.objects.set(currentKey, text.slice(0, text.length / 2));
    await rig.turn(30_000);
    expect(rig.status()!.problem).toContain(`${currentKey} is not JSON`);
    expect(restarts()).toBe(1);
  });

  test("settings in the bucket that send the credential elsewhere are not taken up", async () => {
    await healthy();
    const { config, ...rest } = JSON.parse(String(rig.objects.get(currentKey)));
    const elsewhere = (github: unknown) =>
      rig.objects.set(currentKey, JSON.stringify({ ...rest, config: { ...config, github } }));
    const before = readFileSync(`${rig.folders.updater}/settings.json`, "utf8");
    elsewhere({ ...config.github, url: "https://github.example/acme" });
    await rig.turn(30_000);
    expect(readFileSync(`${rig.folders.updater}/settings.json`, "utf8")).toBe(before);
    expect(rig.status()!.problem).toContain("has other settings of GitHub than the parameter");
    expect(rig.calls).not.toContain("/control/reload");
    expect(restarts()).toBe(1);
    const { url, login, ...others } = config.github;
    elsewhere({ ...others, login, url });
    await rig.turn(30_000);
    expect(rig.status()!.problem).toBe(null);
  });

  test("a parameter of a version that did not vouch for GitHub's settings is enough", async () => {
    const key = [...rig.parameters.keys()].find((name) => name.endsWith("/files"))!;
    await healthy();
    rig.up("one", 9);
    const { [githubHashName]: _, ...programs } = JSON.parse(rig.parameters.get(key)!);
    rig.parameters.set(key, JSON.stringify(programs));
    await rig.turn(30_000);
    expect(rig.maxInSettings()).toBe(9);
    expect(rig.status()!.problem).toBe(null);
  });

  test("a program that is not what its name says", async () => {
    await healthy();
    rig.up("two");
    rig.objects.set(fileKey(rig.hash("two"), "manager.mjs"), "somebody's");
    await rig.turn(60_000);
    expect(rig.status()!.problem).toContain("it is not run");
    expect(rig.running()?.bundle).toBe(rig.hash("one"));
  });

  test("a disk that takes no new program", async () => {
    await healthy();
    rig.up("two");
    const folder = join(rig.folders.programs, "files", rig.hash("two"));
    mkdirSync(join(folder, "manager.mjs"), { recursive: true });
    await rig.turn(60_000);
    expect(rig.status()!.problem).toMatch(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(rig.running()?.bundle).toBe(rig.hash("one"));
    rmSync(folder, { recursive: true });
    await rig.turn(60_000);
    expect(rig.status()).toMatchObject({ manager: rig.hash("two"), problem: null });
  });
});
