/** The stand-ins of aws and tls, as the real engine sees them, with a small program of every type. */
import { createServer } from "node:tls";
import { connect } from "node:tls";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { DescribeLaunchTemplateVersionsCommand, DescribeVpcsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openAwsRig, type AwsRig } from "./rig.ts";

const region = "eu-central-1";
const secret = "planted-value";
let rig: AwsRig;
let ec2: EC2Client;
let outputs: Record<string, unknown>;

beforeAll(async () => {
  rig = await openAwsRig({
    stack: "try",
    program: "test/engine/aws/every-type",
    newAccount: true,
    regions: [region, "eu-west-1"],
    settings: { "every-type:disk": 20 },
    secrets: { "every-type:secret": secret },
  });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  ec2 = new EC2Client({ endpoint: rig.moto.url, region, credentials });
});
afterAll(async () => {
  console.log(rig.seconds.map((one) => `${one.command} ${one.seconds} s`).join(", "));
  await rig.close();
});

test("a preview only creates; after `up` another shows nothing, also with --refresh", async () => {
  expect(Object.keys((await rig.preview()).changes)).toEqual(["create"]);
  await rig.up();
  outputs = JSON.parse(
    (await rig.pulumi(["stack", "output", "--json", "--show-secrets"])).stdout,
  ) as typeof outputs;
  expect(await rig.preview({ refresh: true })).toMatchObject({ steps: {}, changes: { same: 54 } });
});

test("the objects are in moto, with the provider's default tags", async () => {
  const found = await ec2.send(
    new DescribeVpcsCommand({ Filters: [{ Name: "tag:muster:stack", Values: ["every-type/try"] }] }),
  );
  expect(found.Vpcs).toHaveLength(1);
  expect(outputs["vpcTags"]).toEqual({ "muster:stack": "every-type/try" });
  expect(await rig.everything()).toContain(`${region} instance ${String(outputs["instanceId"])}`);
});

test("a launch template changes in place: a version more, unknown in the preview", async () => {
  await rig.setConfig({ "every-type:disk": 30 });
  const { steps } = await rig.preview();
  expect(steps).toMatchObject({ template: { op: "update", diffs: ["blockDeviceMappings"] } });
  expect(Object.keys(steps)).not.toContain("instance");
  await rig.up();
  const ask = { LaunchTemplateId: String(outputs["templateId"]), Versions: ["2"] };
  const { LaunchTemplateVersions: versions } = await ec2.send(new DescribeLaunchTemplateVersionsCommand(ask));
  expect(versions?.[0]?.LaunchTemplateData?.BlockDeviceMappings?.[0]?.Ebs?.VolumeSize).toBe(30);
});

test("type and user data stop and start an instance, which stays the same", async () => {
  await rig.setConfig({ "every-type:type": "t4g.micro", "every-type:userData": "#!/bin/sh\ntrue\n" });
  const { steps } = await rig.preview();
  expect(steps["instance"]).toMatchObject({ op: "update", replaces: [] });
  const { instanceId } = await rig.up();
  expect(instanceId).toBe(outputs["instanceId"]);
});

test("a changed content is a new version of the same object", async () => {
  await rig.setConfig({ "every-type:content": "2" });
  const { steps } = await rig.preview();
  expect(steps["object"]).toMatchObject({ op: "update", diffs: ["content"] });
  expect((await rig.up())["etag"]).not.toBe(outputs["etag"]);
});

test("what somebody deleted behind Pulumi's back is made again after a refresh", async () => {
  const { DeleteAlarmsCommand, CloudWatchClient, DescribeAlarmsCommand } =
    await import("@aws-sdk/client-cloudwatch");
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const watch = new CloudWatchClient({ endpoint: rig.moto.url, region, credentials });
  const names = (await watch.send(new DescribeAlarmsCommand({}))).MetricAlarms!.map((one) => one.AlarmName!);
  await watch.send(new DeleteAlarmsCommand({ AlarmNames: names }));
  expect((await rig.preview({ refresh: true })).steps).toMatchObject({ alarm: { op: "create" } });
});

test("secrets are encrypted in state: the parameter's value and the private keys", async () => {
  const { stdout } = await rig.pulumi(["stack", "export"]);
  expect(stdout).toContain("BEGIN CERTIFICATE");
  expect(stdout).not.toContain(secret);
  expect(stdout).not.toContain("PRIVATE KEY");
  expect(outputs["secretValue"]).toBe(secret);
});

test("the certificates serve TLS to whoever pins the CA", async () => {
  const { caPem, leafPem, leafKey } = outputs as Record<string, string>;
  const server = createServer({ cert: leafPem, key: leafKey }, (socket) => socket.end("hello"));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const socket = connect({ host: "127.0.0.1", port, ca: caPem });
    const [text] = (await once(socket, "data")) as [Buffer];
    expect([socket.authorized, String(text)]).toEqual([true, "hello"]);
    const stranger = connect({ host: "127.0.0.1", port });
    await expect(once(stranger, "secureConnect")).rejects.toThrow(/self.signed|unable to verify/);
  } finally {
    server.close();
  }
});

test("a fault that a test asks for fails the resource; without it the next `up` makes it", async () => {
  await rig.fail({ op: "update", match: "LaunchTemplate template", message: "RequestLimitExceeded" });
  await rig.setConfig({ "every-type:disk": 40 });
  await expect(rig.up()).rejects.toThrow("RequestLimitExceeded");
  await rig.fail();
  await rig.up();
  expect((await rig.preview()).steps).toEqual({});
});

test("destroy leaves nothing in either region", async () => {
  await rig.destroy();
  expect(await rig.everything()).toEqual([]);
});
