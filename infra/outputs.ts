/**
 * What a stack tells other programs and people: plain values, none of them secret. docs/outputs.md is made of this file
 * (`npm run docs`).
 */
import type * as pulumi from "@pulumi/pulumi";
import type { Confinement } from "../agent/confinement/kind.ts";

/** Outputs of a stack whose manager runs on this computer (`manager.on: local`). */
export interface LocalOutputs {
  /** The manager, to look at: `http://127.0.0.1:7117`. */
  address: string;
  /** The page with pools, machines and jobs. */
  page: string;
  /** For Prometheus. */
  metrics: string;
  /** Pool name -> the line for a workflow. */
  pools: Record<string, string>;
  /** The manager's folder. */
  directory: string;
  /** The control socket. */
  socket: string;
  /** How jobs on this computer are kept apart from its user. */
  confinement: Confinement["kind"];
  /** All of it in a few lines for people. */
  summary: string;
}

/** What a stack costs by list prices; spot at the price of the catalog. Traffic, snapshots and the cache's storage come on top. */
export interface Costs {
  /** Of all figures here. */
  currency: "USD" | "EUR";
  /** Per hour while no job runs. */
  idlePerHour: number;
  /** Per month of 730 hours while no job runs. */
  idlePerMonth: number;
  /** Per hour with every pool at its `max`, or at the budget where that is less: everything, as the budget counts it. */
  atMostPerHour: number;
  /** Per month of 730 hours with every pool always at its `max`, or at the budget. */
  atMostPerMonth: number;
  /** What sets it: the pools' `max`, the budget, or what is always there, when that alone is above the budget. */
  limit: "max" | "budget" | "always";
  /** Pool name -> `idlePerHour` and `atMostPerHour` of it alone. */
  pools: Record<string, { idlePerHour: number; atMostPerHour: number }>;
  /** Day of the prices: `2026-11-01`. */
  pricesOf: string;
}

/** For a terminal with AWS credentials, as they stand. */
export interface AwsCommands {
  /** Opens a tunnel to the manager's page; then look at `page`. */
  page: pulumi.Output<string>;
  /** A shell on the manager's machine. */
  shell: pulumi.Output<string>;
  /** What the manager says, as it says it. */
  logs: string;
  /** Makes the manager's machine anew, with the newest image; its address and data stay. */
  newImage: pulumi.Output<string>;
}

/** Outputs of a stack whose manager runs on AWS (`manager.on: aws`). */
export interface AwsOutputs {
  /** Where agents call the manager, in the order in which they try: `https://10.64.16.10:7443`. */
  addresses: pulumi.Output<string[]>;
  /** `private`: only machines of the stack's networks can call it. `public`: its port is open to the internet. */
  reach: "private" | "public";
  /** The page with pools, machines and jobs, once `commands.page` runs. */
  page: string;
  /** For Prometheus on the manager's machine, or through the same tunnel. */
  metrics: string;
  /** Pool name -> the line for a workflow. */
  pools: Record<string, string>;
  /** Region of the manager, its bucket and the cache. */
  region: string;
  /** Region -> VPC, for peering and rules of your own. */
  networks: Record<string, pulumi.Output<string>>;
  /** Region -> security group of all runners, for rules that let them in elsewhere. */
  runnerGroups: Record<string, pulumi.Output<string>>;
  /** Instance id of the manager. */
  manager: pulumi.Output<string>;
  /** Bucket of the jobs' cache. */
  cacheBucket: pulumi.Output<string>;
  /** CloudWatch log group of the manager. */
  logGroup: string;
  /** ARN of the SNS topic that alarms go to; null without `alarms`. */
  alarmTopic: pulumi.Output<string> | null;
  /** Name of the CloudWatch dashboard. */
  dashboard: string;
  /** By list prices. */
  costs: Costs;
  /** For a terminal. */
  commands: AwsCommands;
  /** All of it in a few lines for people, known in preview. */
  summary: string;
}

export type RunnersOutputs = LocalOutputs | AwsOutputs;

/** The line of a workflow that sends its job to the pool. */
export const runsOn = (labels: readonly string[]): string => `runs-on: [${labels.join(", ")}]`;

/** Of all pools. */
export const runsOnLines = (
  pools: Readonly<Record<string, { labels: readonly string[] }>>,
): Record<string, string> =>
  Object.fromEntries(Object.entries(pools).map(([name, { labels }]) => [name, runsOn(labels)]));
