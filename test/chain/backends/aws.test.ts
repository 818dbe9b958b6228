/** The EC2 backend against moto: the SDK's calls, tags, filters and pages as they go over the wire. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CreateLaunchTemplateCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RunInstancesCommand,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { makeAwsBackend } from "../../../agent/manager/backends/aws/aws.ts";
import { realDeps } from "../../../agent/manager/deps.ts";
import type { AwsBackend, ManagerConfig } from "../../../agent/manager-config.ts";
import type { LaunchRequest } from "../../../agent/manager/world.ts";
import { config } from "../../agent/manager/worlds.ts";
import { withMoto } from "../with-moto.ts";

const region = "eu-central-1";
const { signal } = new AbortController();
const moto = withMoto();
let directory: string;
let settings: ManagerConfig;
let entry: AwsBackend;
beforeEach(async () => {
  await moto().reset();
  directory = mkdtempSync(join(tmpdir(), "muster-aws-"));
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const { LaunchTemplate } = await ec2.send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: "muster-test-a",
      LaunchTemplateData: { ImageId: "ami-12345678" },
    }),
  );
  entry = {
    ...{ kind: "aws", name: "spot-eu-central-1", region, market: "spot", besideMicrosPerHour: 0, fixed: [] },
    types: ["c7g.2xlarge", "m7g.2xlarge"].map((name) => ({
      ...{ name, cores: 8, memoryMb: 16_384, gpus: 0, microsPerHour: 100_000, currency: "USD" },
    })),
    template: { id: LaunchTemplate!.LaunchTemplateId!, version: 1 },
    subnets: Subnets.map(({ SubnetId, AvailabilityZone }) => ({ id: SubnetId!, zone: AvailabilityZone! })),
  };
  const base = config({ a: { backends: [entry] } });
  settings = { ...base, manager: { ...base.manager, directory } };
});
afterEach(() => rmSync(directory, { recursive: true }));

const ec2 = {
  send: ((command: never) => new EC2Client({ region }).send(command)) as EC2Client["send"],
};
const backend = () => makeAwsBackend(() => settings, realDeps(pino({ level: "silent" })));
const launch = async (count: number, from = backend(), id = "l1") => {
  const [offer] = from.offers("a", entry);
  const machines = Array.from({ length: count }, (_, n) => `a-${id}-${n}`);
  const request: LaunchRequest = { pool: "a", offer: offer!.key, machines };
  const prepared = from.prepare!(id, request)!;
  return from.launch(id, { ...request, prepared }, [], signal);
};
const tagged = (tags: Record<string, string>) => Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

test("a launch makes spot machines with their tags, and another manager knows them by those", async () => {
  const { machines, failures } = await launch(2);
  expect([machines.length, failures]).toEqual([2, []]);
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  const made = Reservations.flatMap(({ Instances = [] }) => Instances);
  expect(made.map(({ InstanceLifecycle }) => InstanceLifecycle)).toEqual(["spot", "spot"]);
  // moto leaves out the tags of their volumes and interfaces.
  for (const { Tags } of made)
    expect(Tags).toEqual(
      expect.arrayContaining(
        tagged({ "muster:stack": "muster/test", "muster:pool": "a", "muster:launch": "l1" }),
      ),
    );
  const listed = await backend().list(signal);
  expect(listed.map(({ id }) => id).sort()).toEqual([...machines].sort());
  for (const each of listed) {
    expect(each).toMatchObject({
      ...{ pool: "a", launch: "l1", offer: "aws:a:spot-eu-central-1", running: true },
    });
    expect(Math.abs(each.startedMs - Date.now())).toBeLessThan(60_000);
  }
});

test("what stopped is listed so, what was ended is listed as gone, and ending it again is no error", async () => {
  const { machines } = await launch(3);
  const [stopped, ended, runs] = machines;
  await ec2.send(new StopInstancesCommand({ InstanceIds: [stopped!] }));
  const own = backend();
  await own.destroy([ended!, "i-0123456789abcdef0", "a-l1-9"], signal);
  await own.destroy([ended!], signal);
  const listed = new Map((await own.list(signal)).map((each) => [each.id, each]));
  expect(listed.get(stopped!)).toMatchObject({ running: false, end: { gone: false } });
  expect(listed.get(ended!)).toMatchObject({ running: false, end: { gone: true, interrupted: false } });
  expect(listed.get(runs!)).toMatchObject({ running: true });
});

test("machines of another stack, the manager and those that always exist are neither listed nor ended", async () => {
  const others: string[] = [];
  for (const tags of [
    { "muster:stack": "muster/other", "muster:pool": "a" },
    { "muster:stack": "muster/test", "muster:role": "manager" },
    { "muster:stack": "muster/test", "muster:pool": "a", "muster:role": "fixed" },
    { "muster:pool": "a" },
  ]) {
    const { Instances = [] } = await ec2.send(
      new RunInstancesCommand({
        ...{ ImageId: "ami-12345678", InstanceType: "c7g.large", MinCount: 1, MaxCount: 1 },
        TagSpecifications: [{ ResourceType: "instance", Tags: tagged(tags as Record<string, string>) }],
      }),
    );
    others.push(Instances[0]!.InstanceId!);
  }
  const own = backend();
  expect(await own.list(signal)).toEqual([]);
  await own.destroy(others, signal);
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({}));
  const states = Reservations.flatMap(({ Instances = [] }) => Instances).map(({ State }) => State?.Name);
  expect(states).toEqual(["running", "running", "running", "running"]);
});

test("the console of a machine that never called is read before it goes", async () => {
  const own = backend();
  const { machines } = await launch(1, own);
  await own.list(signal);
  // What moto has for every instance.
  expect(await own.evidence!(machines[0]!, signal)).toContain("Linux version");
});

test("a template that is not there is refused in words, and nothing is in doubt", async () => {
  entry = { ...entry, template: { id: "lt-0123456789abcdef0", version: 1 } };
  settings = { ...settings, pools: config({ a: { backends: [entry] } }).pools };
  const { machines, failures } = await launch(1);
  expect(machines).toEqual([]);
  expect(failures).toMatchObject([{ reason: "bad-request", scope: { on: "offer" } }]);
  expect(failures[0]!.detail).toContain("InvalidLaunchTemplateId");
});

test("an endpoint at which nobody listens is unavailable", async () => {
  vi.stubEnv("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
  try {
    const own = backend();
    const error: unknown = await own.list(signal).catch((reason: unknown) => reason);
    expect(own.classify(error)).toMatchObject({
      ...{ reason: "unavailable", scope: { on: "backend", key: "aws:eu-central-1" } },
    });
  } finally {
    vi.stubEnv("AWS_ENDPOINT_URL", moto().url);
  }
});
