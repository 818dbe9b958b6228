/** Joins the network of a further region with the manager's, so that its runners reach the manager privately. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsContext } from "./context.ts";
import type { Network } from "./network.ts";

export interface PeeringArgs {
  context: AwsContext;
  home: Network;
  peer: Network;
}

export class Peering extends pulumi.ComponentResource {
  constructor(name: string, _args: PeeringArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Peering", name, {}, opts);
    this.registerOutputs();
  }
}
