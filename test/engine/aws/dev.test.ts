/** A life of the stack `dev`, as its settings file is, on the real engine with moto as AWS. */
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packArguments, reviewText, stateViolations } from "./review.ts";
import { githubToken, openAwsRig, said, type AwsPreview, type AwsRig } from "./rig.ts";
import { wrongInLeaving } from "./leaving-order.ts";

let rig: AwsRig;

beforeAll(async () => {
  rig = await openAwsRig({ stack: "dev", secrets: { "muster:githubToken": githubToken } });
});
afterAll(async () => {
  console.log(`dev: ${said(rig)}`);
  await rig.close();
});

const pool = { labels: ["self-hosted", "linux", "dev"], max: 4 };
/** As the settings file has it, to be changed from there. */
const types = ["c8g.xlarge", "c7g.xlarge", "m8g.xlarge", "m7g.xlarge"];
const pools = (more: object, disk = 100) => ({
  "muster:pools": { arm64: { ...pool, backends: [{ aws: { types, disk } }], ...more } },
});

/** What the manager watches. */
const current = async () => {
  const bucket = (await rig.everything()).find((line) => line.startsWith("bucket muster-dev-manager"));
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const s3 = new S3Client({
    endpoint: rig.moto.url,
    region: "eu-central-1",
    forcePathStyle: true,
    credentials,
  });
  const ask = new GetObjectCommand({ Bucket: bucket!.split(" ")[1]!, Key: "manager/current.json" });
  return (await s3.send(ask)).Body!.transformToString();
};

const opsOf = (steps: AwsPreview["steps"]) =>
  Object.fromEntries(Object.entries(steps).map(([name, { op }]) => [name, op]));
const template = "runners-pool-arm64-spot-eu-central-1";
const watched = "runners-manager-store-current";

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
  expect(await rig.everything()).toEqual([]);
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

test("a changed limit changes what the manager watches, and nothing else", async () => {
  await rig.setConfig(pools({ max: 5 }));
  const { steps } = await rig.preview();
  expect(opsOf(steps)).toEqual({ [watched]: "update" });
  await rig.up();
  expect(await current()).toMatch(/"max": ?5\b/);
});

test("a larger disk is a new version of the pool's template, which the manager is told; its machine stays", async () => {
  const before = (await rig.everything()).filter((line) => line.includes(" instance "));
  await rig.setConfig(pools({ max: 5 }, 200));
  const { steps } = await rig.preview();
  expect(opsOf(steps)).toEqual({ [template]: "update", [watched]: "update" });
  await rig.up();
  expect(await current()).toMatch(/"version": ?2\b/);
  expect((await rig.everything()).filter((line) => line.includes(" instance "))).toEqual(before);
});

test("a further pool makes its template, and goes with it", async () => {
  const { "muster:pools": one } = pools({ max: 5 }, 200);
  const second = { labels: ["self-hosted", "linux", "dev-large"], max: 1, backends: [{ aws: { types } }] };
  await rig.setConfig({ "muster:pools": { ...one, large: second } });
  await rig.up();
  const templates = async () =>
    (await rig.everything()).filter((line) => line.includes("launch-template")).length;
  expect(await templates()).toBe(3);
  await rig.setConfig({ "muster:pools": one });
  const { steps } = await rig.preview();
  expect(steps["runners-pool-large-spot-eu-central-1"]).toMatchObject({ op: "delete" });
  expect(Object.values(steps).filter(({ op }) => op === "replace")).toEqual([]);
  await rig.up();
  expect(await templates()).toBe(2);
});

test("it would leave in order: drain, manager, sweep, and what these need after them", async () => {
  expect(wrongInLeaving((await rig.state()).resources)).toEqual([]);
});

test("destroy leaves nothing", async () => {
  await rig.destroy();
  expect(await rig.everything()).toEqual([]);
});
