/** A company's own program: it makes a network, gives it to the runners, and uses what they tell. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Runners } from "muster";

const config = new pulumi.Config();
const region = config.require("region");
const zones = ["a", "b"].map((letter) => `${region}${letter}`);

const provider = new aws.Provider("acme", { region: region as aws.Region });
const platform = new pulumi.ComponentResource("acme:index:Platform", "platform", {}, { provider });
const inside = { parent: platform };

// Runners and manager in private subnets, which go out through one NAT gateway.
const vpc = new aws.ec2.Vpc(
  "network",
  { cidrBlock: "172.20.0.0/16", enableDnsSupport: true, enableDnsHostnames: true },
  inside,
);
const gateway = new aws.ec2.InternetGateway("network", { vpcId: vpc.id }, inside);
const table = (name: string, way: Partial<aws.ec2.RouteArgs>) => {
  const made = new aws.ec2.RouteTable(name, { vpcId: vpc.id }, inside);
  new aws.ec2.Route(name, { routeTableId: made.id, destinationCidrBlock: "0.0.0.0/0", ...way }, inside);
  return made;
};
const subnet = (name: string, index: number, zone: string, routes: aws.ec2.RouteTable) => {
  const made = new aws.ec2.Subnet(
    name,
    { vpcId: vpc.id, availabilityZone: zone, cidrBlock: `172.20.${index * 16}.0/20` },
    inside,
  );
  new aws.ec2.RouteTableAssociation(name, { subnetId: made.id, routeTableId: routes.id }, inside);
  return { id: made.id, zone };
};
const open = subnet("public", 0, zones[0]!, table("public", { gatewayId: gateway.id }));
const address = new aws.ec2.Eip("nat", { domain: "vpc" }, { ...inside, dependsOn: [gateway] });
const nat = new aws.ec2.NatGateway("nat", { allocationId: address.id, subnetId: open.id }, inside);
const closed = table("private", { natGatewayId: nat.id });
const subnets = zones.map((zone, index) => subnet(`private-${index + 1}`, index + 1, zone, closed));

const runners = await Runners.create(
  "ci",
  {
    settings: {
      aws: { region },
      github: { url: config.require("github") },
      pools: { arm64: { labels: ["self-hosted", "linux", "ARM64"], max: 10 } },
      budget: { perHour: 5 },
    },
    secrets: { githubToken: config.requireSecret("githubToken") },
    network: { vpcId: vpc.id, subnets },
  },
  // A destroy of the runners needs the way out: the network goes after them.
  { parent: platform, dependsOn: [nat, closed] },
);

const { summary, pools, commands, runnerGroups } = runners.outputs();

// What runners may reach inside the network: here a group of the company's own, for a database, say.
const database = new aws.ec2.SecurityGroup(
  "database",
  { vpcId: vpc.id, description: "Of a database" },
  inside,
);
new aws.vpc.SecurityGroupIngressRule(
  "runners-to-database",
  {
    securityGroupId: database.id,
    referencedSecurityGroupId: runnerGroups[region]!,
    ipProtocol: "tcp",
    fromPort: 5432,
    toPort: 5432,
  },
  inside,
);

export { commands, pools, summary };
