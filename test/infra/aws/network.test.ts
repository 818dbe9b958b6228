import { expect, test } from "vitest";
import { Network } from "../../../infra/aws/network.ts";
import type { AwsSettings } from "../../../infra/aws/settings.ts";
import { contextOf, existing, graphOf, home, peer } from "./graph.ts";

type Home = { public: boolean; peers: readonly string[]; ports: readonly number[] } | null;
const closed = { public: false, peers: [], ports: [] };

const networkOf = (settings: Partial<AwsSettings>, at: Home = closed, region = home) =>
  graphOf(() => {
    const network = new Network("n", { context: contextOf(settings), region, agentsPort: 7443, home: at });
    const { vpcId, subnets, managerSubnet, runnersGroupId, managerGroupId, routeTableIds, cidr } = network;
    return {
      vpcId,
      subnets: [...subnets],
      managerSubnet,
      runnersGroupId,
      managerGroupId,
      cidr,
      routeTableIds,
    };
  });

const privately = { network: { kind: "own", private: true } } as const;
const ingress = "vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const egress = "vpc/securityGroupEgressRule:SecurityGroupEgressRule";

test("a public network has a subnet a zone that leads to the internet gateway", async () => {
  const graph = await networkOf({});
  expect(graph.all("ec2/subnet:Subnet").map(({ inputs }) => inputs)).toMatchObject([
    { availabilityZone: "eu-central-1a", cidrBlock: "10.64.16.0/20", mapPublicIpOnLaunch: true },
    { availabilityZone: "eu-central-1c", cidrBlock: "10.64.80.0/20", mapPublicIpOnLaunch: true },
  ]);
  expect(graph.one("ec2/route:Route", "n-public-internet")).toMatchObject({
    destinationCidrBlock: "0.0.0.0/0",
    gatewayId: "n-gateway-id",
  });
  expect(graph.all("ec2/natGateway:NatGateway")).toEqual([]);
  expect(graph.result).toMatchObject({
    vpcId: "n-vpc-id",
    cidr: "10.64.0.0/16",
    subnets: [
      { id: "n-public-a-id", zone: "eu-central-1a" },
      { id: "n-public-c-id", zone: "eu-central-1c" },
    ],
    managerSubnet: { id: "n-public-a-id", public: true },
    routeTableIds: ["n-public-id"],
  });
});

test("a private network goes out through one NAT gateway, and to S3 without it", async () => {
  const graph = await networkOf(privately);
  expect(graph.result.subnets.map(({ id }) => id)).toEqual(["n-private-a-id", "n-private-c-id"]);
  expect(graph.one("ec2/subnet:Subnet", "n-private-a")).toMatchObject({ mapPublicIpOnLaunch: false });
  expect(graph.all("ec2/natGateway:NatGateway")).toMatchObject([{ inputs: { subnetId: "n-public-a-id" } }]);
  expect(graph.one("ec2/route:Route", "n-private-internet")).toMatchObject({ natGatewayId: "n-nat-id" });
  expect(graph.one("ec2/routeTableAssociation:RouteTableAssociation", "n-private-c")).toEqual({
    subnetId: "n-private-c-id",
    routeTableId: "n-private-id",
  });
  expect(graph.one("ec2/vpcEndpoint:VpcEndpoint", "n-s3")).toMatchObject({
    vpcEndpointType: "Gateway",
    serviceName: "com.amazonaws.eu-central-1.s3",
    routeTableIds: ["n-private-id"],
  });
  expect(graph.result.managerSubnet).toMatchObject({ id: "n-private-a-id", public: false });
});

test("a manager that is called over the internet stands in the public subnet of a private network", async () => {
  const graph = await networkOf(privately, { ...closed, public: true });
  expect(graph.result.managerSubnet).toMatchObject({ id: "n-public-a-id", public: true });
});

test("the group that AWS makes allows nothing", async () => {
  const graph = await networkOf({});
  expect(graph.one("ec2/defaultSecurityGroup:DefaultSecurityGroup", "n-default")).toEqual({
    vpcId: "n-vpc-id",
    ingress: [],
    egress: [],
  });
});

test("nothing comes in to runners, and only agents reach the manager, on one port", async () => {
  const graph = await networkOf({}, { ...closed, peers: ["10.65.0.0/16"] });
  expect(graph.all(ingress).map(({ inputs }) => inputs)).toEqual([
    {
      securityGroupId: "n-manager-id",
      cidrIpv4: "10.65.0.0/16",
      ipProtocol: "tcp",
      fromPort: 7443,
      toPort: 7443,
      description: "Agents of the peered network 10.65.0.0/16",
    },
    {
      securityGroupId: "n-manager-id",
      referencedSecurityGroupId: "n-runners-id",
      ipProtocol: "tcp",
      fromPort: 7443,
      toPort: 7443,
      description: "Agents of this region",
    },
  ]);
  expect(graph.result).toMatchObject({ runnersGroupId: "n-runners-id", managerGroupId: "n-manager-id" });
});

test("public reach opens the agents' port to the world and says who asked for it", async () => {
  const graph = await networkOf({}, { ...closed, public: true });
  const open = graph.all(ingress).filter(({ inputs }) => inputs.cidrIpv4 === "0.0.0.0/0");
  expect(open.map(({ inputs }) => inputs)).toMatchObject([
    { fromPort: 7443, toPort: 7443, ipProtocol: "tcp" },
  ]);
  expect(open[0]!.inputs.description).toContain("muster:manager.public");
});

test("the manager calls out to port 443 and to the ports it was given, each once", async () => {
  const graph = await networkOf({}, { ...closed, ports: [3128, 443, 3128] });
  const out = graph.all(egress).filter(({ inputs }) => inputs.securityGroupId === "n-manager-id");
  expect(out.map(({ inputs }) => [inputs.fromPort, inputs.toPort, inputs.ipProtocol])).toEqual([
    [3128, 3128, "tcp"],
    [443, 443, "tcp"],
  ]);
});

test("another region has no group for a manager", async () => {
  const graph = await networkOf({ regions: [home, peer] }, null, peer);
  expect(graph.result.managerGroupId).toBeNull();
  expect(graph.all("ec2/securityGroup:SecurityGroup").map(({ name }) => name)).toEqual(["n-runners"]);
});

test("in an existing network nothing is made but security groups and their rules", async () => {
  const graph = await networkOf({ network: existing });
  const types = new Set(graph.made.map(({ type }) => type));
  expect([...types].filter((type) => type.startsWith("aws:")).sort()).toEqual([
    "aws:ec2/securityGroup:SecurityGroup",
    `aws:${egress}`,
    `aws:${ingress}`,
  ]);
  expect(graph.result).toMatchObject({
    vpcId: "vpc-1",
    cidr: null,
    subnets: [
      { id: "subnet-1", zone: "eu-central-1a" },
      { id: "subnet-2", zone: "eu-central-1b" },
    ],
    managerSubnet: { id: "subnet-1", public: false },
    routeTableIds: [],
  });
});

test("where an existing network's subnets are public, the manager gets an address for its way out, and no rule lets anybody in", async () => {
  const graph = await networkOf({ network: { ...existing, public: true } });
  expect(graph.result.managerSubnet).toMatchObject({ id: "subnet-1", public: true });
  expect(graph.all(ingress).map(({ inputs }) => inputs.cidrIpv4 ?? "group")).toEqual(["group"]);
});
