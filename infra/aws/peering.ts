/** Joins the network of a further region with the manager's, so that its runners reach the manager privately. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";
import type { Network } from "./network.ts";

export interface PeeringArgs {
  context: AwsContext;
  /** Both are the stack's own. */
  home: Network;
  peer: Network;
}

export class Peering extends pulumi.ComponentResource {
  constructor(name: string, args: PeeringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Peering", name, {}, opts);
    const { context, home, peer } = args;
    const inRegion = ({ region }: Network) => ({ parent: this, provider: context.provider(region) });
    const tags = { Name: context.name(`${home.region}-${peer.region}`) };

    const connection = new aws.ec2.VpcPeeringConnection(
      name,
      { vpcId: home.vpcId, peerVpcId: peer.vpcId, peerRegion: peer.region, autoAccept: false, tags },
      inRegion(home),
    );
    // AWS lets only the other region accept.
    const accepted = new aws.ec2.VpcPeeringConnectionAccepter(
      name,
      { vpcPeeringConnectionId: connection.id, autoAccept: true, tags },
      inRegion(peer),
    );
    const route = (from: Network, to: Network) =>
      from.routeTableIds.forEach(
        (routeTableId, index) =>
          new aws.ec2.Route(
            `${name}-from-${from.region}-${index}`,
            { routeTableId, destinationCidrBlock: to.cidr!, vpcPeeringConnectionId: connection.id },
            { ...inRegion(from), dependsOn: [accepted] },
          ),
      );
    route(home, peer);
    route(peer, home);
    this.registerOutputs();
  }
}
