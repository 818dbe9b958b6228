/**
 * The account's role for spot machines (AWSServiceRoleForEC2Spot), which EC2 wants before the first one is launched by a
 * call: a Command whose create and update look it up and make it where it is missing. The manager may not make it.
 *
 * Why not a resource of AWS's provider: the account has one role at most, and somebody may have made it long ago, by hand,
 * by the console or by another stack. A role that is declared fails where there is one. One that is declared only where a
 * look-up finds none is found by the next preview, is no longer declared, and so is deleted from under every stack of the
 * account. A setting that says which it is would ask of the reader what AWS knows. The Command is the same for an account
 * with the role and without, also when the role appears or goes meanwhile, so that a second preview shows nothing; and it
 * has no delete, so that nothing of a destroy touches the role.
 */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import type { Bundle } from "../bundle.ts";
import { packedScript, quiet, scriptLine } from "./script.ts";
import type { AwsBackendSettings } from "./settings.ts";

export interface SpotRoleArgs {
  /** Region of the manager. */
  home: string;
  script: pulumi.Input<Pick<Bundle, "path" | "sha256">>;
  pools: Readonly<Record<string, { backends: readonly Pick<AwsBackendSettings, "market">[] }>>;
}

/** Runs with the rights and the Node of whoever runs `up`. @returns null where no pool has spot machines */
export const spotRoleCommand = (
  name: string,
  { home, script, pools }: SpotRoleArgs,
  opts: pulumi.CustomResourceOptions,
): local.Command | null => {
  const markets = Object.values(pools).flatMap(({ backends }) => backends.map(({ market }) => market));
  if (!markets.includes("spot")) return null;
  return new local.Command(
    name,
    // An update, of the script or the region, runs the same again.
    { create: scriptLine(home), stdin: pulumi.output(script).apply(packedScript), ...quiet },
    opts,
  );
};
