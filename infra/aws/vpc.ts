/**
 * The stack's own VPC in one region. Public: every subnet leads to the internet gateway, and no rule lets anything in.
 * Private: runners and manager go out through one NAT gateway, and to S3 through a gateway endpoint, which costs nothing.
 */
import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";
import type { AwsRegion } from "./settings.ts";
import { subnetCidr, zoneSuffix, type SubnetKind } from "./subnets.ts";

export interface VpcArgs {
  context: AwsContext;
  region: AwsRegion;
  private: boolean;
  /** A public subnet is needed for the manager. */
  publicManager: boolean;
}

export interface Vpc {
  id: pulumi.Output<string>;
  /** Where runners go. */
  subnets: { id: pulumi.Output<string>; zone: string }[];
  managerSubnet: { id: pulumi.Output<string>; zone: string; public: boolean };
  routeTableIds: pulumi.Output<string>[];
}

/** The way out of a network that has a way in only by what its security groups allow. */
export const ownVpc = (name: string, args: VpcArgs, opts: pulumi.CustomResourceOptions): Vpc => {
  const { context, region } = args;
  const tags = (part: string) => ({ Name: context.name(part) });

  const vpc = new aws.ec2.Vpc(
    `${name}-vpc`,
    { cidrBlock: region.cidr, enableDnsSupport: true, enableDnsHostnames: true, tags: tags("network") },
    opts,
  );
  // AWS makes it with a rule that lets its members talk; nobody is a member, and nothing is allowed.
  new aws.ec2.DefaultSecurityGroup(`${name}-default`, { vpcId: vpc.id, ingress: [], egress: [] }, opts);
  const gateway = new aws.ec2.InternetGateway(
    `${name}-gateway`,
    { vpcId: vpc.id, tags: tags("network") },
    opts,
  );

  const table = (kind: SubnetKind) =>
    new aws.ec2.RouteTable(`${name}-${kind}`, { vpcId: vpc.id, tags: tags(kind) }, opts);
  const outward = (kind: SubnetKind, routes: aws.ec2.RouteTable, way: Partial<aws.ec2.RouteArgs>) =>
    new aws.ec2.Route(
      `${name}-${kind}-internet`,
      { routeTableId: routes.id, destinationCidrBlock: "0.0.0.0/0", ...way },
      opts,
    );
  const subnet = (kind: SubnetKind, zone: string, routes: aws.ec2.RouteTable, publicAddresses: boolean) => {
    const part = `${kind}-${zoneSuffix(region.name, zone)}`;
    const made = new aws.ec2.Subnet(
      `${name}-${part}`,
      {
        vpcId: vpc.id,
        availabilityZone: zone,
        cidrBlock: subnetCidr(region.cidr, zone, kind),
        mapPublicIpOnLaunch: publicAddresses,
        tags: tags(part),
      },
      opts,
    );
    new aws.ec2.RouteTableAssociation(
      `${name}-${part}`,
      { subnetId: made.id, routeTableId: routes.id },
      opts,
    );
    return { id: made.id, zone };
  };

  const open = table("public");
  const toInternet = outward("public", open, { gatewayId: gateway.id });
  if (!args.private) {
    const subnets = region.zones.map((zone) => subnet("public", zone, open, true));
    return {
      id: vpc.id,
      subnets,
      managerSubnet: { ...subnets[0]!, public: true },
      routeTableIds: [open.id],
    };
  }

  // One for all zones: a second would double the cost of an idle stack, and a lost zone stops new jobs only.
  const doorway = subnet("public", region.zones[0]!, open, false);
  const address = new aws.ec2.Eip(
    `${name}-nat`,
    { domain: "vpc", tags: tags("nat") },
    { ...opts, dependsOn: [gateway] },
  );
  const nat = new aws.ec2.NatGateway(
    `${name}-nat`,
    { allocationId: address.id, subnetId: doorway.id, tags: tags("nat") },
    { ...opts, dependsOn: [toInternet] },
  );
  const closed = table("private");
  outward("private", closed, { natGatewayId: nat.id });
  new aws.ec2.VpcEndpoint(
    `${name}-s3`,
    {
      vpcId: vpc.id,
      vpcEndpointType: "Gateway",
      serviceName: `com.amazonaws.${region.name}.s3`,
      routeTableIds: [closed.id],
      tags: tags("s3"),
    },
    opts,
  );
  const subnets = region.zones.map((zone) => subnet("private", zone, closed, false));
  return {
    id: vpc.id,
    subnets,
    managerSubnet: args.publicManager ? { ...doorway, public: true } : { ...subnets[0]!, public: false },
    routeTableIds: [open.id, closed.id],
  };
};
