/** Settings of a stack on AWS, for tests. */
import { expect } from "vitest";
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
