/**
 * Where and how agents find the manager. It exists before the pools, whose user data pins it, and before the manager's
 * machine, whose settings name the pools: endpoint -> pools -> manager.
 */
import type * as pulumi from "@pulumi/pulumi";

export interface Endpoint {
  /** Names and addresses in the certificate, in the order in which agents try them; IPv4 as text. */
  addresses: pulumi.Output<string[]>;
  /** TCP. */
  port: number;
  /** PEM of the stack's own CA. */
  ca: pulumi.Output<string>;
  /** PEM of the manager's certificate. */
  certificate: pulumi.Output<string>;
  /** PEM, secret. */
  caKey: pulumi.Output<string>;
  /** PEM, secret. */
  certificateKey: pulumi.Output<string>;
  /** The network interface that has the addresses and that the manager's machine takes. */
  interfaceId: pulumi.Output<string>;
}
