/** A stack in a network that somebody else made: it makes no network, and its destroy leaves the network as it was. */
import { CreateSubnetCommand, CreateVpcCommand, EC2Client } from "@aws-sdk/client-ec2";
import { afterAll, beforeAll, expect, test } from "vitest";
import { stateViolations } from "./review.ts";
import { githubToken, openAwsRig, said, type AwsRig } from "./rig.ts";

const zone = "eu-central-1b";
let rig: AwsRig;
let given: { vpcId: string; subnetId: string };

beforeAll(async () => {
  rig = await openAwsRig({ stack: "dev", secrets: { "muster:githubToken": githubToken } });
  const credentials = { accessKeyId: "test", secretAccessKey: "test" };
  const ec2 = new EC2Client({ endpoint: rig.moto.url, region: "eu-central-1", credentials });
  const vpcId = (await ec2.send(new CreateVpcCommand({ CidrBlock: "172.20.0.0/16" }))).Vpc!.VpcId!;
  const ask = { VpcId: vpcId, CidrBlock: "172.20.0.0/20", AvailabilityZone: zone };
  const subnetId = (await ec2.send(new CreateSubnetCommand(ask))).Subnet!.SubnetId!;
  given = { vpcId, subnetId };
  await rig.setBaseline();
  await rig.setConfig({ "muster:network": { vpcId, subnetIds: { [subnetId]: zone }, public: true } });
});
afterAll(async () => {
  console.log(`existing VPC: ${said(rig)}`);
  await rig.close();
});

test("nothing of the network is made, and a second preview shows nothing", async () => {
  await rig.up();
  expect((await rig.preview({ refresh: true })).steps).toEqual({});
  const kinds = new Set((await rig.everything()).map((line) => line.split(" ")[1]));
  for (const kind of ["vpc", "subnet", "internet-gateway", "route-table", "nat-gateway", "vpc-endpoint"])
    expect(kinds).not.toContain(kind);
  const interfaces = (await rig.state()).resources.filter(({ type }) => type.endsWith(":NetworkInterface"));
  expect(interfaces.map(({ outputs }) => outputs?.["subnetId"])).toEqual([given.subnetId]);
  // The subnet leads out through an internet gateway: the manager has an address for that, and nobody may call it there.
  const { resources } = await rig.state();
  const elastic = resources.filter(({ type }) => type.endsWith(":Eip"));
  expect(elastic.map(({ outputs }) => outputs?.["networkInterface"])).toEqual([interfaces[0]!.id]);
  const admitted = resources.filter(({ type }) => type.endsWith(":SecurityGroupIngressRule"));
  expect(admitted.map(({ outputs }) => outputs?.["cidrIpv4"] ?? "group")).toEqual(["group"]);
});

test("it keeps every policy", async () => {
  expect(await stateViolations(rig)).toEqual([]);
});

test("destroy leaves the network and nothing else", async () => {
  await rig.destroy();
  expect(await rig.everything()).toEqual([]);
});
