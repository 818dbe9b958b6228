/** Settings of a stack on AWS, for tests. */
import { expect } from "vitest";
import type { AwsBackendSettings } from "../../../infra/aws/settings.ts";
import { SettingsError, type Wrong } from "../../../infra/errors.ts";
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
