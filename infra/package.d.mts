/** Types of `import { Runners } from "muster"`, apart from the sources, which want TypeScript settings of their own. */
import type { ComponentResource, ComponentResourceOptions, Input, Output } from "@pulumi/pulumi";

/** A network that the program made or looked up: ids may be known later, zones must be plain. */
export interface GivenNetwork {
  /** Nothing of it is made, changed or destroyed. */
  vpcId: Input<string>;
  /** At least one, all in `aws.region`, with a way to GitHub; the manager goes into the first. */
  subnets: readonly { id: Input<string>; zone: string }[];
  /**
   * True: the subnets lead to an internet gateway, not to a NAT gateway, and give machines public addresses (auto-assign);
   * the manager then gets an Elastic IP, for its way out alone. False, the default: they have another way out.
   */
  public?: boolean;
  /** Every machine gets them, and the manager, besides those that are made. */
  securityGroupIds?: readonly Input<string>[];
}

export interface Given {
  /** The keys of docs/settings.md without `muster:`, all of them plain. `manager.on` is `aws`, also when it is left out. */
  settings: Readonly<
    Partial<Record<"github" | "manager" | "pools" | "budget" | "trustJobs" | "aws" | "network", unknown>>
  >;
  /** The login at GitHub, unless `manager.secretParameters` names it. */
  secrets?: Readonly<Partial<Record<"githubToken" | "githubAppKey", Input<string>>>>;
  /** In place of `settings.network`. */
  network?: GivenNetwork;
}

/** docs/outputs.md says what each is. */
export interface Outputs {
  addresses: Output<string[]>;
  reach: "private" | "public";
  page: string;
  metrics: string;
  pools: Record<string, string>;
  region: string;
  networks: Record<string, Output<string>>;
  runnerGroups: Record<string, Output<string>>;
  manager: Output<string>;
  cacheBucket: Output<string>;
  logGroup: string;
  alarmTopic: Output<string> | null;
  dashboard: string;
  costs: {
    currency: "USD" | "EUR";
    idlePerHour: number;
    idlePerMonth: number;
    atMostPerHour: number;
    atMostPerMonth: number;
    limit: "max" | "budget" | "always";
    pools: Record<string, { idlePerHour: number; atMostPerHour: number }>;
    pricesOf: string;
  };
  commands: { page: Output<string>; shell: Output<string>; logs: string; newImage: Output<string> };
  summary: string;
}

/** A manager on AWS with its pools. */
export declare class Runners extends ComponentResource {
  private constructor();
  /**
   * Options are passed on as everywhere in Pulumi; of `providers` only `command` is taken, and made where there is none.
   * Those for AWS are made, one a region, with the credentials of the environment.
   *
   * @param name part of names and tags at AWS: `muster-STACK-NAME`
   * @throws SettingsError with everything that is wrong; UsageError, BundleError, NodeError
   */
  static create(name: string, given: Given, opts?: ComponentResourceOptions): Promise<Runners>;
  /** What other programs and people need to know; nothing of it is secret. */
  outputs(): Outputs;
}
