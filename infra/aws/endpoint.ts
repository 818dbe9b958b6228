/**
 * Where and how agents find the manager. It exists before the pools, whose user data pins it, and before the manager's
 * machine, whose settings name the pools: endpoint -> pools -> manager.
 */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";
import { Identity, type ManagerKey } from "./identity.ts";
import type { Network } from "./network.ts";
import type { AwsManagerSettings } from "./settings.ts";

export interface EndpointArgs {
  context: AwsContext;
  network: Pick<Network, "managerSubnet" | "managerGroupId">;
  manager: Pick<AwsManagerSettings, "reach" | "agentsPort" | "caGenerations">;
}

export class Endpoint extends pulumi.ComponentResource {
  /** Names and addresses in the certificate, in the order in which agents try them; IPv4 as text. */
  readonly addresses: pulumi.Output<string[]>;
  /** TCP. */
  readonly port: number;
  /** PEM of the stack's own CA; while it is exchanged of both, the older first. */
  readonly ca: pulumi.Output<string>;
  /** PEM of what the manager presents. */
  readonly certificate: pulumi.Output<string>;
  /** Secret of ManagerSecrets -> its parameter and PEM (secret). */
  readonly keys: Readonly<Record<string, ManagerKey>>;
  /** The network interface that has the addresses and that the manager's machine takes. */
  readonly interfaceId: pulumi.Output<string>;
  /** Of the internet, whether for agents or only for the way out; null where there is none. */
  readonly publicAddress: pulumi.Output<string> | null;

  constructor(name: string, args: EndpointArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Endpoint", name, {}, opts);
    const { context, network, manager } = args;
    const { managerSubnet, managerGroupId } = network;
    const { network: existing } = context.settings;
    // Apart from the machine, so that its address outlives it: user data, certificate and firewall hold the address.
    const address = new aws.ec2.NetworkInterface(
      `${name}-address`,
      {
        description: `manager of ${context.stack.project}/${context.stack.name}`,
        subnetId: managerSubnet.id,
        securityGroups: [
          ...(managerGroupId ? [managerGroupId] : []),
          ...(existing.kind === "existing" ? existing.securityGroupIds : []),
        ],
        tags: { Name: context.name("manager") },
      },
      // A machine has one first interface: the old one must be let go before another comes.
      { parent: this, deleteBeforeReplace: true },
    );
    // In a public subnet also the way out needs one: EC2 gives an interface that was made before its machine no
    // address of its own accord, whatever the subnet says.
    const elastic = managerSubnet.public
      ? new aws.ec2.Eip(
          `${name}-elastic`,
          { domain: "vpc", networkInterface: address.id, tags: { Name: context.name("manager") } },
          { parent: this },
        )
      : null;
    this.interfaceId = address.id;
    this.publicAddress = elastic && elastic.publicIp;
    this.port = manager.agentsPort;
    this.addresses =
      manager.reach === "public" && elastic
        ? pulumi.all([address.privateIp, elastic.publicIp])
        : address.privateIp.apply((ip) => [ip]);
    const identity = new Identity(
      `${name}-identity`,
      { stack: context.stack, addresses: this.addresses, generations: manager.caGenerations },
      { parent: this },
    );
    this.ca = identity.ca;
    this.certificate = identity.certificate;
    this.keys = identity.keys;
    this.registerOutputs();
  }
}
