/** One pool's machines on EC2: a launch template for each entry of its backends, and the machines that always exist. */
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { AwsBackend } from "../../agent/manager-config.ts";
import { besideOf } from "../cost.ts";
import { poolTag, roles, roleTag, type AwsContext } from "./context.ts";
import type { Network } from "./network.ts";
import type { LaunchPlace } from "./policy/statement.ts";
import type { AwsBackendSettings } from "./settings.ts";
import { templateArgs } from "./template.ts";

export interface MachineKind {
  end: "power-off" | "clean-slot";
  /** Jobs may ask the machine's metadata, where the credentials of an instance profile are. */
  metadata: boolean;
}

export interface PoolArgs {
  context: AwsContext;
  /** As the settings name it. */
  pool: string;
  /** The pool's entries of kind aws, in order of preference. */
  backends: readonly AwsBackendSettings[];
  /** Region -> its network. */
  networks: ReadonlyMap<string, Network>;
  /** User data in clear; constant but for what the first `up` learns of the manager. */
  userData: (of: MachineKind) => pulumi.Input<string>;
}

interface Entry {
  backend: pulumi.Output<AwsBackend>;
  place: pulumi.Output<LaunchPlace>;
}

export class Pool extends pulumi.ComponentResource {
  /** What the manager reads of each entry, in the same order. */
  readonly backends: readonly pulumi.Output<AwsBackend>[];
  /** What its role is made of, in the same order. */
  readonly places: readonly pulumi.Output<LaunchPlace>[];

  constructor(name: string, args: PoolArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:aws:Pool", name, {}, opts);
    const entries = args.backends.map((entry) => this.#entry(`${name}-${entry.name}`, args, entry));
    this.backends = entries.map(({ backend }) => backend);
    this.places = entries.map(({ place }) => place);
    this.registerOutputs();
  }

  #entry(name: string, args: PoolArgs, entry: AwsBackendSettings): Entry {
    const { context, pool, networks } = args;
    const { network: settings, kmsKeyId } = context.settings;
    const network = networks.get(entry.region)!;
    const child = { parent: this, provider: context.provider(entry.region) };
    const fixed = entry.fixed > 0;
    const role = fixed ? { [roleTag]: roles.fixed } : {};
    const tags = { [poolTag]: pool, ...role };

    const template = new aws.ec2.LaunchTemplate(
      name,
      {
        ...templateArgs({
          entry,
          name: context.name(`${pool}-${entry.name}`),
          kmsKeyId,
          groups: [
            network.runnersGroupId,
            ...(settings.kind === "existing" ? settings.securityGroupIds : []),
            ...entry.securityGroupIds,
          ],
          userData: args.userData({
            end: fixed ? "clean-slot" : "power-off",
            metadata: entry.instanceProfile !== null,
          }),
          machineTags: context.tags({ Name: context.name(pool), ...tags }),
        }),
        tags,
      },
      child,
    );
    const machines = Array.from({ length: entry.fixed }, (_, index) => {
      const subnet = network.subnets[index % network.subnets.length]!;
      return new aws.ec2.Instance(
        `${name}-${index}`,
        {
          // A newer template is for the day when somebody replaces the machine: until then its jobs go on.
          launchTemplate: { id: template.id, version: "$Latest" },
          subnetId: subnet.id,
          tags: { Name: context.name(`${pool}-${index}`), ...tags },
        },
        { ...child, ignoreChanges: ["ami", "userData", "launchTemplate.version"] },
      );
    });

    const place = pulumi.output({
      region: entry.region,
      template: template.id,
      subnets: network.subnets.map(({ id }) => id),
      fixed,
    });
    const backend = pulumi.output({
      kind: "aws" as const,
      name: entry.name,
      region: entry.region,
      market: entry.market,
      types: [...entry.types],
      template: { id: template.id, version: template.latestVersion },
      subnets: network.subnets.map(({ id, zone }) => ({ id, zone })),
      besideMicrosPerHour: besideOf(entry, settings),
      fixed: machines.map(({ id }) => id),
    });
    return { backend, place };
  }
}
