/** A life of the stack `dev`, as its settings file is, on the real engine with moto as AWS. */
import { DescribeInstancesCommand, EC2Client, type Tag } from "@aws-sdk/client-ec2";
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { statusKey, type CurrentObject, type HostStatus } from "../../../agent/manager-host.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { doctorOf, makeSpotRole } from "./doctor.ts";
import { packArguments, reviewText, stateViolations } from "./review.ts";
import { githubToken, openAwsRig, said, type AwsPreview, type AwsRig } from "./rig.ts";
import { wrongInLeaving } from "./leaving-order.ts";

let rig: AwsRig;

beforeAll(async () => {
  rig = await openAwsRig({ stack: "dev", newAccount: true, secrets: { "muster:githubToken": githubToken } });
});
afterAll(async () => {
  console.log(`dev: ${said(rig)}`);
  await rig.close();
});

const pool = { labels: ["self-hosted", "linux", "dev"], max: 4 };
/** As the settings file has it, to be changed from there. */
const types = ["c8g.xlarge", "c7g.xlarge", "m8g.xlarge", "m7g.xlarge"];
const pools = (more: object, disk = 100, image?: string) => ({
  "muster:pools": {
    arm64: { ...pool, backends: [{ aws: { types, disk, ...(image && { image }) } }], ...more },
  },
});

const account = () => ({
  endpoint: rig.moto.url,
  region: "eu-central-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
});

const bucket = async () =>
  (await rig.everything()).find((line) => line.startsWith("bucket muster-dev-manager"))!.split(" ")[1]!;
const s3 = () => new S3Client({ ...account(), forcePathStyle: true });

/** What the manager watches. */
const current = async (): Promise<CurrentObject["config"]> => {
  const ask = new GetObjectCommand({ Bucket: await bucket(), Key: "manager/current.json" });
  const text = await (await s3().send(ask)).Body!.transformToString();
  return (JSON.parse(text) as CurrentObject).config;
};
const templateNow = async () => (await current()).pools["arm64"]!.backends[0];

/** Machines of a pool that exist, by name. */
const machinesOf = async (of: string) => {
  const ask = new DescribeInstancesCommand({ Filters: [{ Name: "tag:muster:pool", Values: [of] }] });
  const found = (await new EC2Client(account()).send(ask)).Reservations ?? [];
  const tag = (tags: readonly Tag[] = [], key: string) => tags.find(({ Key }) => Key === key)?.Value ?? "";
  return found
    .flatMap(({ Instances = [] }) => Instances)
    .filter(({ State }) => State?.Name !== "terminated")
    .map(({ InstanceId, Tags }) => ({ name: tag(Tags, "Name"), id: InstanceId! }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
};

const opsOf = (steps: AwsPreview["steps"]) =>
  Object.fromEntries(Object.entries(steps).map(([name, { op }]) => [name, op]));
const template = "runners-pool-arm64-spot-eu-central-1";
const watched = "runners-manager-store-current";
const policy = "runners-manager-host-policy";

/** The account's, which every stack uses: this one made it and leaves it. */
const spotRole = "role AWSServiceRoleForEC2Spot";

test("a first `up` that fails half way is gone with a destroy", async () => {
  await rig.fail({
    op: "create",
    match: "Instance runners-manager",
    message: "InsufficientInstanceCapacity",
  });
  await expect(rig.up()).rejects.toThrow("InsufficientInstanceCapacity");
  expect(await rig.everything()).not.toEqual([]);
  await rig.fail();
  await rig.destroy();
  expect(await rig.everything()).toEqual([spotRole]);
});

test("a preview only creates; after `up` another shows nothing, also with --refresh", async () => {
  expect(Object.keys((await rig.preview()).changes)).toEqual(["create"]);
  await rig.up(packArguments(rig));
  expect((await rig.preview({ refresh: true })).steps).toEqual({});
  expect(JSON.stringify(await rig.state())).not.toContain(githubToken);
});

test("the stack is as its snapshot shows it: read what differs as you would read code", async () => {
  await expect(await reviewText(rig)).toMatchFileSnapshot("snapshots/dev.yaml");
});

test("it keeps every policy, with each secret in sight", async () => {
  expect(await stateViolations(rig)).toEqual([]);
});

test("muster doctor blocks on a manager that never reported, and on nothing once it has", async () => {
  const removeRole = await makeSpotRole(account());
  const before = await doctorOf(rig, account());
  expect(before.said("blocker")).toEqual([
    expect.stringMatching(/^manager-machine: i-\w+ has never reported/) as string,
  ]);
  expect([before.code, before.stderr]).toEqual([1, ""]);
  const status: HostStatus = {
    at: new Date().toISOString(),
    manager: (await current()).manager.managerBundle.sha256,
    healthy: true,
    refused: null,
    drain: null,
    problem: null,
  };
  const at = { Bucket: await bucket(), Key: statusKey };
  await s3().send(new PutObjectCommand({ ...at, Body: JSON.stringify(status) }));
  const after = await doctorOf(rig, account());
  expect([after.said("blocker"), after.said("skipped"), after.code]).toEqual([[], [], 0]);
  const fine = after.said("ok").join("\n");
  expect(fine).toMatch(/^templates: .*EC2 would launch c8g\.xlarge, c7g\.xlarge/m);
  expect(fine).toMatch(
    /^manager-rights: .*CreateFleet[^]*^manager-machine: the manager is well[^]*^version: /m,
  );
  // A manager that seems to live would be waited for at the end.
  await s3().send(new DeleteObjectCommand(at));
  await removeRole();
});

test("a changed limit changes what the manager watches, and nothing else", async () => {
  await rig.setConfig(pools({ max: 5 }));
  const { steps } = await rig.preview();
  expect(opsOf(steps)).toEqual({ [watched]: "update" });
  await rig.up();
  expect((await current()).pools["arm64"]!.max).toBe(5);
});

test("a larger disk is a new version of the pool's template, which the manager is told; its machine stays", async () => {
  const before = (await rig.everything()).filter((line) => line.includes(" instance "));
  await rig.setConfig(pools({ max: 5 }, 200));
  const { steps } = await rig.preview();
  expect(opsOf(steps)).toEqual({ [template]: "update", [watched]: "update" });
  await rig.up();
  expect(await templateNow()).toMatchObject({ template: { version: 2 } });
  expect((await rig.everything()).filter((line) => line.includes(" instance "))).toEqual(before);
});

test("another image is a new version, and what the manager may look up is that image", async () => {
  const before = (await rig.everything()).filter((line) => line.includes(" instance "));
  const changes = { [template]: "update", [watched]: "update", [policy]: "update" };
  await rig.setConfig(pools({ max: 5 }, 200, "/acme/golden"));
  const byParameter = (await rig.preview()).steps;
  expect(opsOf(byParameter)).toEqual(changes);
  expect(byParameter[template]!.inputs["imageId"]).toBe("resolve:ssm:/acme/golden");
  expect(byParameter[policy]!.inputs["policy"]).toContain("parameter/acme/golden");
  await rig.setConfig(pools({ max: 5 }, 200, "ami-0123456789abcdef0"));
  const byId = (await rig.preview()).steps;
  expect(opsOf(byId)).toEqual(changes);
  expect(byId[template]!.inputs["imageId"]).toBe("ami-0123456789abcdef0");
  await rig.up();
  expect(await templateNow()).toMatchObject({ template: { version: 3 } });
  expect((await rig.everything()).filter((line) => line.includes(" instance "))).toEqual(before);
});

describe("a further pool, whose machines always exist", () => {
  const slots = "runners-pool-slots-on-demand-eu-central-1";
  const templates = async () =>
    (await rig.everything()).filter((line) => line.includes("launch-template")).length;
  const { "muster:pools": one } = pools({ max: 5 }, 200, "ami-0123456789abcdef0");
  const withSlots = (fixed: number, disk = 100) =>
    rig.setConfig({
      "muster:pools": {
        ...one,
        slots: {
          labels: ["self-hosted", "linux", "dev-slots"],
          max: 3,
          backends: [{ aws: { types: ["c7g.xlarge"], fixed, disk } }],
        },
      },
    });
  const fixedNow = async () => (await current()).pools["slots"]!.backends[0]!;
  let two: Awaited<ReturnType<typeof machinesOf>>;

  test("makes its template and so many machines, and names them to the manager", async () => {
    await withSlots(2);
    await rig.up();
    expect(await templates()).toBe(3);
    two = await machinesOf("slots");
    expect(two.map(({ name }) => name)).toEqual(["muster-dev-slots-0", "muster-dev-slots-1"]);
    expect(await fixedNow()).toMatchObject({ template: { version: 1 }, fixed: two.map(({ id }) => id) });
    expect((await rig.preview({ refresh: true })).steps).toEqual({});
  });

  test("keeps its machines when the template changes, and one more is made from the new one", async () => {
    await withSlots(2, 200);
    expect(opsOf((await rig.preview()).steps)).toEqual({ [slots]: "update", [watched]: "update" });
    await withSlots(3, 200);
    const { steps } = await rig.preview();
    expect(opsOf(steps)).toEqual({ [slots]: "update", [`${slots}-2`]: "create", [watched]: "update" });
    await rig.up();
    const three = await machinesOf("slots");
    expect(three.slice(0, 2)).toEqual(two);
    expect(three).toHaveLength(3);
    expect(await fixedNow()).toMatchObject({ template: { version: 2 }, fixed: three.map(({ id }) => id) });
    expect((await rig.preview({ refresh: true })).steps).toEqual({});
  });

  test("goes with its template and its machines", async () => {
    await rig.setConfig({ "muster:pools": one });
    const { steps } = await rig.preview();
    expect(steps[slots]).toMatchObject({ op: "delete" });
    expect(Object.values(steps).filter(({ op }) => op === "replace")).toEqual([]);
    await rig.up();
    expect(await templates()).toBe(2);
    expect(await machinesOf("slots")).toEqual([]);
  });
});

test("it would leave in order: drain, manager, sweep, and what these need after them", async () => {
  expect(wrongInLeaving((await rig.state()).resources)).toEqual([]);
});

test("destroy leaves nothing of the stack, and the account its role for spot machines", async () => {
  await rig.destroy();
  expect(await rig.everything()).toEqual([spotRole]);
});
