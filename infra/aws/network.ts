/**
 * The network of one region: the stack's own VPC, or an existing one, of which nothing is made but the security groups
 * that let runners reach the manager.
 */
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";
import { managerGroup, runnersGroup } from "./security-groups.ts";
import type { AwsNetwork, AwsRegion } from "./settings.ts";
import { ownVpc, type Vpc } from "./vpc.ts";

export interface Subnet {
  id: pulumi.Output<string>;
  /** Such as `eu-central-1a`. */
  zone: string;
}

export interface NetworkArgs {
  context: AwsContext;
  region: AwsRegion;
  /** TCP port where agents call the manager. */
  agentsPort: number;
  /** What is special in the manager's region; null in the others. */
  home: {
    /** Agents reach the manager over the internet: its subnet is public and its port open to the world. */
    public: boolean;
    /** Networks of the other regions, whose runners may call too. */
    peers: readonly string[];
    /** TCP ports that the manager calls besides 443: a proxy's, or GitHub's where it has another. */
    ports: readonly number[];
  } | null;
}

export class Network extends pulumi.ComponentResource {
  readonly region: string;
  /** IPv4, `10.64.0.0/16`; null in an existing network, which is not read. */
  readonly cidr: string | null;
  readonly vpcId: pulumi.Output<string>;
  /** Where runners go, one a zone; how many is known in preview. */
  readonly subnets: readonly Subnet[];
  /** Where the manager goes. Public: its interface needs an Elastic IP, since EC2 gives one that was made before its machine none. */
  readonly managerSubnet: Subnet & { public: boolean };
  /** Of every runner: nothing comes in. */
  readonly runnersGroupId: pulumi.Output<string>;
  /** Of the manager; null outside the home region. */
  readonly managerGroupId: pulumi.Output<string> | null;
  /** One or two; empty in an existing network. */
  readonly routeTableIds: readonly pulumi.Output<string>[];

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Network", name, {}, opts);
    const { context, region, home } = args;
    const { network } = context.settings;
    const child = { parent: this };
    const vpc =
      network.kind === "own"
        ? ownVpc(
            name,
            { context, region, private: network.private, publicManager: home?.public ?? false },
            child,
          )
        : existingVpc(network, home?.public ?? false);
    this.region = region.name;
    this.cidr = network.kind === "own" ? region.cidr : null;
    this.vpcId = vpc.id;
    this.subnets = vpc.subnets;
    this.managerSubnet = vpc.managerSubnet;
    this.routeTableIds = vpc.routeTableIds;
    this.runnersGroupId = runnersGroup(name, context, vpc.id, child);
    this.managerGroupId =
      home &&
      managerGroup(
        name,
        { context, vpcId: vpc.id, runners: this.runnersGroupId, port: args.agentsPort, home },
        child,
      );
    this.registerOutputs();
  }
}

const existingVpc = (network: Extract<AwsNetwork, { kind: "existing" }>, publicManager: boolean): Vpc => {
  const subnets = network.subnets.map(({ id, zone }) => ({ id: pulumi.output(id), zone }));
  return {
    id: pulumi.output(network.vpcId),
    subnets,
    managerSubnet: { ...subnets[0]!, public: network.public || publicManager },
    routeTableIds: [],
  };
};
