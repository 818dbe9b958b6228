/** One pool's machines on EC2: a launch template for each entry of its backends, and the machines that always exist. */
import * as pulumi from "@pulumi/pulumi";
import type { AwsBackend } from "../../agent/manager-config.ts";
import type { AwsContext } from "./context.ts";
import type { Network } from "./network.ts";
import type { AwsBackendSettings } from "./settings.ts";

export interface PoolArgs {
  context: AwsContext;
  /** As the settings name it. */
  pool: string;
  /** The pool's entries of kind aws, in order of preference. */
  backends: readonly AwsBackendSettings[];
  /** Region -> its network. */
  networks: ReadonlyMap<string, Network>;
  /** User data in clear; constant but for what the first `up` learns of the manager. */
  userData: (end: "power-off" | "clean-slot") => pulumi.Input<string>;
}

export class Pool extends pulumi.ComponentResource {
  /** What the manager reads of each entry, in the same order. */
  readonly backends: readonly pulumi.Output<AwsBackend>[];

  constructor(name: string, args: PoolArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Pool", name, {}, opts);
    this.backends = [];
    this.registerOutputs();
  }
}
