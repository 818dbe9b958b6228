/**
 * The network of one region: the stack's own VPC, or an existing one, of which nothing is made but the security groups
 * that let runners reach the manager.
 */
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";
import type { AwsRegion } from "./settings.ts";

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
    const { region } = args;
    this.region = region.name;
    this.cidr = region.cidr;
    this.vpcId = pulumi.output("");
    this.subnets = region.zones.map((zone) => ({ id: pulumi.output(""), zone }));
    this.managerSubnet = { ...this.subnets[0]!, public: false };
    this.runnersGroupId = pulumi.output("");
    this.managerGroupId = args.home && pulumi.output("");
    this.routeTableIds = [];
    this.registerOutputs();
  }
}
