/**
 * What the settings say of AWS, as plain values after parsing: whatever decides which resources exist is here. Ids of a
 * network alone may be known later, when the same program makes it.
 */
import type * as pulumi from "@pulumi/pulumi";
import type { MachineType } from "../../agent/manager-config.ts";
import type { SecretName } from "../schema.ts";

/** One region of the stack. The first is the manager's. */
export interface AwsRegion {
  name: string;
  /** Zones of the stack's own network, such as `eu-central-1a`; empty in an existing one. */
  zones: readonly string[];
  /** `10.(64+index).0.0/16`, so that regions can be peered. */
  cidr: string;
}

export type AwsNetwork =
  | {
      kind: "own";
      /** True: private subnets behind one NAT gateway. False: public subnets without an inbound rule. */
      private: boolean;
    }
  | {
      /** Given; nothing of it is made, changed or destroyed. The stack then has one region. */
      kind: "existing";
      vpcId: pulumi.Input<string>;
      subnets: readonly { id: pulumi.Input<string>; zone: string }[];
      /** The way out is an internet gateway: whoever has no public address has none. */
      public: boolean;
      /** Added to every machine's. */
      securityGroupIds: readonly pulumi.Input<string>[];
    };

/** All of AWS that does not belong to one pool or to the manager; null in a stack without AWS. */
export interface AwsSettings {
  regions: readonly [AwsRegion, ...AwsRegion[]];
  network: AwsNetwork;
  /** On every resource, besides those that muster sets. */
  tags: Readonly<Record<string, string>>;
  /** Stands before every name at AWS: `muster-dev`. */
  namePrefix: string;
  permissionsBoundary: string | null;
  /** Customer key for volumes, buckets, parameters and logs; null: the keys of AWS. */
  kmsKeyId: string | null;
  proxy: { url: string; noProxy: readonly string[] } | null;
  /** PEM; certificates that machines trust besides their own, for a proxy or a GitHub Enterprise Server. */
  extraCa: string | null;
  /** Addresses of mail that get alarms; none: no alarms. */
  alarmsTo: readonly string[];
  cache: {
    /** Entries nobody used go after so many days. */
    days: number;
    /** `destroy` leaves the bucket, unmanaged. */
    retain: boolean;
  };
}

/** The manager's machine, `manager.on: aws`. It stands in the first region. */
export interface AwsManagerSettings {
  on: "aws";
  /** Graviton; chosen from the sum of `max` where the settings name none. */
  type: MachineType;
  /** Derived; public when a pool is out of reach of the manager's networks, and then asked for with `public: true`. */
  reach: "private" | "public";
  /** The stack's own CAs that exist: one, or two while it is exchanged, the older first. */
  caGenerations: readonly number[];
  /** TCP for agents. */
  agentsPort: number;
  /** Page and metrics, on loopback. */
  port: number;
  drainTimeoutSeconds: number;
  /** References to existing SSM parameters in place of secrets: `githubToken` or `githubAppKey` -> parameter name. */
  secretParameters: Readonly<Partial<Record<SecretName, string>>>;
}

export type AwsImage =
  | { kind: "ssm"; parameter: string }
  /** The user's own, `ami-...`. */
  | { kind: "ami"; id: string };

/** One entry of a pool's backends. */
export interface AwsBackendSettings {
  kind: "aws";
  /** Unique within the pool: `spot-eu-central-1`, `on-demand-eu-central-1`, with `-2` where there are two. */
  name: string;
  region: string;
  market: "spot" | "on-demand";
  /** All of one architecture, and all with or all without a GPU. */
  types: readonly MachineType[];
  arch: "arm64" | "x64";
  gpu: boolean;
  /** Gigabytes of the encrypted gp3 root volume. */
  diskGb: number;
  /** MiB/s and IOPS of it. */
  diskThroughput: number;
  diskIops: number;
  image: AwsImage;
  /** Slots that always exist; 0: machines are launched for jobs. */
  fixed: number;
  securityGroupIds: readonly string[];
  /** Off unless somebody insists: jobs could use its rights. */
  instanceProfile: string | null;
  /** ARN of its role; where machines are launched it is there with the profile. */
  instanceProfileRole: string | null;
}
