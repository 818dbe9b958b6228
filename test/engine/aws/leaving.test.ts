/** A stack on AWS leaves nothing, whatever is dead, gone or interrupted: drain, manager, sweep, then the networks. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { limitsVariable } from "../../../agent/leaving/limits.ts";
import { leavingWorld, others, ours, places, setName, type LeavingWorld } from "./leaving-world.ts";
import { githubToken, openAwsRig, said, type AwsRig } from "./rig.ts";

/** The product's waits, tried in virtual time, shortened; every other limit is the product's. */
const limits = { lookMs: 200, sayMs: 500, acknowledgeMs: 2_000, gitHubMs: 3_000 };
const hourMs = 3_600_000;
let rig: AwsRig;
let world: LeavingWorld;

const types = ["c7g.xlarge"];
const pool = (label: string) => ({ labels: ["self-hosted", label], max: 8, backends: [{ aws: { types } }] });
const pools = (...names: string[]) => ({
  "muster:pools": Object.fromEntries(names.map((name) => [name, pool(name)])),
});

beforeAll(async () => {
  rig = await openAwsRig({
    stack: "dev",
    settings: pools("arm64"),
    secrets: { "muster:githubToken": githubToken },
  });
  rig.env[limitsVariable] = JSON.stringify(limits);
  for (const [name, value] of Object.entries({ ...rig.moto.env, AWS_REGION: "eu-central-1" }))
    vi.stubEnv(name, value);
  world = leavingWorld(rig);
  await world.launch(others, 1);
  await rig.setBaseline();
});
afterAll(async () => {
  vi.unstubAllEnvs();
  console.log(`leaving: ${said(rig)}`);
  await rig.close();
});
beforeEach(() => {
  rig.github.control.clearFaults();
  world.clearGitHub();
});

const destroy = async (onLine: (line: string) => void = () => {}) => {
  const { code, stdout, stderr } = await rig.pulumi(["destroy", "--yes"], { onLine });
  if (code !== 0) throw new Error(`${stdout}\n${stderr}`);
  return stdout;
};
const nothingIsLeft = async () => {
  expect(await rig.everything()).toEqual([]);
  expect(await world.running(ours)).toBe(0);
  expect(await world.running(others)).toBe(1);
};
const deleting = (name: string) => new RegExp(`${name}\\S* deleting`);
const deleted = (name: string) => new RegExp(`${name}\\S* deleted`);
const rising = (numbers: number[]) => [...numbers].sort((a, b) => a - b);

test("after a first `up` that failed behind the manager, and with Pulumi killed in the sweep: repeated, zero is left", async () => {
  await rig.fail({ op: "create", match: "Command runners-drain", message: "no space left on device" });
  await expect(rig.up()).rejects.toThrow("no space left on device");
  await rig.fail();
  await world.launch(ours, 5);
  await world.fillGitHub();
  rig.github.control.setFault({ kind: "hang", on: "*" });
  const killed = await world.interrupt("destroy", "SIGKILL", /sweep: eu-central-1: 5 machines ended/);
  expect(killed.code).toBeNull();
  rig.github.control.clearFaults();
  expect((await rig.pulumi(["cancel", "--yes"])).code).toBe(0);
  await destroy();
  await nothingIsLeft();
  expect(world.atGitHub()).toEqual(["muster-other-arm64"]);
});

test("`up` without a pool lets its machines finish before what they stand on goes", async () => {
  await rig.setConfig(pools("arm64", "large"));
  await rig.up();
  await world.launch(ours, 5);
  await world.launch(ours, 2, "large");
  await world.wroteStatus();
  await rig.setConfig(pools("arm64"));
  let ending: Promise<void> | null = null;
  const { code, stdout } = await rig.pulumi(["up", "--yes", "--skip-preview"], {
    onLine: (line) => {
      if (/waiting for 2 machines of removed pools \(large\)/.test(line)) ending ??= world.endPool("large");
    },
  });
  await ending;
  expect([code, ending]).toEqual([0, expect.anything()]);
  const order = places(
    stdout,
    /runners-manager-store-current updated/,
    /waiting for 2 machines/,
    /runners-drain updated/,
    deleting("runners-pool-large-spot"),
  );
  expect(order).toEqual(rising(order));
  expect(await world.running(ours)).toBe(5);
});

test("interrupted while it waits for a dead manager, a destroy ends nothing; killed, its order is taken back", async () => {
  await world.wroteStatus(hourMs);
  const waiting = /drain: waiting for the manager/;
  const interrupted = await world.interrupt("destroy", "SIGINT", waiting);
  expect(interrupted.code).not.toBe(0);
  expect([await world.running(ours), (await rig.everything()).length > 20]).toEqual([5, true]);
  await world.dropOrder();
  const killed = await world.interrupt("destroy", "SIGKILL", waiting);
  expect(killed.code).toBeNull();
  await vi.waitFor(async () => expect(await world.order()).toBeNull(), { timeout: 30_000, interval: 100 });
  expect((await rig.pulumi(["cancel", "--yes"])).code).toBe(0);
  expect(await world.running(ours)).toBe(5);
});

test("with a manager jobs finish; the order is drain, manager, sweep, networks", async () => {
  await world.fillGitHub();
  const manager = await world.playManager();
  let seen = Infinity;
  let stopped: Promise<void> | null = null;
  const stdout = await destroy((line) => {
    if (deleted("runners-manager-host-instance").test(line)) stopped = manager.stop();
    const left = Number(/drain: (\d+) machines? left/.exec(line)?.[1] ?? Infinity);
    if (left >= seen) return;
    seen = left;
    void manager.endOne();
  });
  await stopped;
  expect(manager.asked).toEqual(["/control/drain"]);
  const order = places(
    stdout,
    /drain: asked the manager to finish running jobs/,
    /drain: 5 machines left/,
    /drain: 1 machine left/,
    /drain: done/,
    deleted("runners-drain"),
    deleting("runners-manager-host-instance"),
    deleted("runners-manager-host-instance"),
    deleting("runners-sweep"),
    /no scale set and no runner of this stack is left/,
    deleted("runners-sweep"),
    deleting("runners-eu-central-1-vpc"),
  );
  expect(order).toEqual(rising(order));
  await nothingIsLeft();
  expect(world.atGitHub()).toEqual(["muster-other-arm64"]);
});

test("with a dead manager and a GitHub that does not answer it ends in bounded time and names what is left", async () => {
  await rig.up();
  await world.launch(ours, 5);
  await world.wroteStatus(hourMs);
  await world.fillGitHub();
  rig.github.control.setFault({ kind: "hang", on: "*" });
  const stdout = await destroy();
  const order = places(
    stdout,
    /the manager does not answer \(dead, silent for 36\d\d s\)/,
    deleted("runners-manager-host-instance"),
    /sweep: eu-central-1: 5 machines ended, nothing is left/,
    new RegExp(`may remain.*: ${setName}$`),
    deleting("runners-eu-central-1-vpc"),
  );
  expect(order).toEqual(rising(order));
  await nothingIsLeft();
  expect(rig.seconds.at(-1)!.seconds).toBeLessThan(60);
});

test("with the bucket, the credential and the manager's machine gone all the same", async () => {
  await rig.up();
  await world.launch(ours, 5);
  await world.breakEverything();
  const stdout = await destroy();
  places(
    stdout,
    /drain: the manager never said anything/,
    new RegExp(`no credential is in reach.*${setName}`),
  );
  await nothingIsLeft();
});
