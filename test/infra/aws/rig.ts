/** Settings of a stack on AWS, for tests. */
import { expect } from "vitest";
import type { PoolConfig } from "../../../agent/manager-config.ts";
import type { AwsBackendSettings, AwsManagerSettings } from "../../../infra/aws/settings.ts";
import { SettingsError, type Wrong } from "../../../infra/errors.ts";
import type { Costs } from "../../../infra/outputs.ts";
import { parseSettings, type Settings, type SettingsInput } from "../../../infra/settings.ts";

export const awsInput = (
  values: Record<string, unknown>,
  secretKeys: readonly string[] = ["githubToken"],
): SettingsInput => ({
  stack: "dev",
  values: Object.fromEntries(
    Object.entries({
      github: { url: "https://github.com/acme" },
      manager: { on: "aws" },
      aws: { region: "eu-central-1" },
      ...values,
    }).filter(([, value]) => value !== undefined),
  ),
  secretKeys: new Set(secretKeys),
  arch: "X64",
  places: { root: "/home/me/muster", home: "/home/me" },
  confinement: { kind: "none", refused: ["nothing is to be had: be root"] },
});

export const parseAws = (values: Record<string, unknown>, secretKeys?: readonly string[]): Settings =>
  parseSettings(awsInput(values, secretKeys));

/** All that is wrong; fails where nothing is. */
export const wrongOf = (
  values: Record<string, unknown>,
  secretKeys?: readonly string[],
): readonly Wrong[] => {
  try {
    parseAws(values, secretKeys);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingsError);
    return (error as SettingsError).wrong;
  }
  throw new Error("nothing was refused");
};

/** Exactly one thing is wrong: this setting, and what is said to be allowed fits. */
export const refusal = (
  values: Record<string, unknown>,
  path: string,
  allowed: RegExp,
  secretKeys?: readonly string[],
): void => {
  const all = wrongOf(values, secretKeys);
  expect(all.map((wrong) => wrong.path)).toEqual([path]);
  expect(all[0]!.allowed).toMatch(allowed);
};

/** A stack whose one pool, `p`, has this one entry. */
export const awsEntry = (aws: unknown, pool: Record<string, unknown> = {}) => ({
  pools: { p: { ...pool, backends: [{ aws }] } },
});
export const poolOf = (values: Record<string, unknown>) => Object.values(parseAws(values).pools)[0]!;
export const entryOf = (values: Record<string, unknown>) => poolOf(values).backends[0] as AwsBackendSettings;

export const instanceProfileRole = "arn:aws:iam::123456789012:role/ci/builder";
/** As `muster:network` names a network that exists. */
export const existingVpc = {
  vpcId: "vpc-0123456789abcdef0",
  subnetIds: { "subnet-0123456789abcdef0": "eu-central-1a", "subnet-0123456789abcdef1": "eu-central-1b" },
};

const nano: AwsManagerSettings["type"] = {
  name: "t4g.nano",
  cores: 2,
  memoryMb: 512,
  gpus: 0,
  microsPerHour: 4800,
  currency: "USD",
};
/** `muster:manager`, parsed. */
export const managerSettings: AwsManagerSettings = {
  on: "aws",
  type: nano,
  reach: "private",
  caGenerations: [1],
  agentsPort: 7443,
  port: 7117,
  drainTimeoutSeconds: 600,
  secretParameters: {},
};
/** A pool, parsed, without its backends. */
export const poolSettings: Omit<PoolConfig, "backends"> = {
  labels: ["self-hosted", "linux", "ARM64"],
  max: 20,
  minIdle: 0,
  idleTimeoutSeconds: 300,
  maxJobSeconds: 21600,
  reuse: false,
  gpu: null,
  runnerGroup: "Default",
  publicRepositories: "refuse",
  shareLabels: false,
  rerun: "once",
};
/** Of a stack with that pool. */
export const costs: Costs = {
  currency: "USD",
  idlePerHour: 0.0095,
  idlePerMonth: 6.95,
  atMostPerHour: 5,
  atMostPerMonth: 3650,
  limit: "max",
  pools: { arm64: { idlePerHour: 0, atMostPerHour: 4.99 } },
  pricesOf: "2026-11-01",
};
