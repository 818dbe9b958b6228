/**
 * How a stack on AWS leaves nothing: two Commands whose deletes are the first step of a destroy and the one between the
 * manager and what it stands on. `destroy` runs:
 *
 *   drain     the manager starts nothing more, running jobs finish; not waited for when the manager is dead
 *   manager   Pulumi deletes its machine
 *   sweep     whatever was launched is ended by its tag, then what the stack has at GitHub; needs no manager
 *   networks, secrets, the rest
 *
 * A delete runs the text, input and environment that Pulumi's state holds, with the rights and the Node of whoever runs
 * it. So both carry the script itself, and in their environment names and places, never a secret.
 *
 * A removed pool needs no Command of its own: Pulumi updates first and deletes last, so the manager has the settings
 * without the pool (current.json), then drain's update (`settle`) waits for the pool's machines, and only then its
 * templates and groups go. Several removed pools do not get in each other's way, and the state holds the script twice
 * and not once for each pool.
 */
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import {
  optionsVariable,
  type DrainOptions,
  type SweepOptions,
  type Verb,
} from "../../agent/leaving/options.ts";
import type { Bundle } from "../bundle.ts";
import type { AwsContext } from "./context.ts";
import { packedScript, quiet, scriptLine } from "./script.ts";

const verbLine = (verb: Verb) => scriptLine(verb);
const variables = (options: pulumi.Input<string>) => ({ [optionsVariable]: options });

export interface SweepArgs {
  context: Pick<AwsContext, "stack" | "settings" | "home">;
  script: pulumi.Input<Pick<Bundle, "path" | "sha256">>;
  github: SweepOptions["github"];
  /** Names. */
  pools: readonly string[];
  /** Secret of ManagerSecrets -> SSM parameter; only GitHub's credential counts. */
  secrets: Readonly<Record<string, string>>;
}

/**
 * Ends what is left. What it needs (networks, parameters) it depends on; the manager's machine depends on it, or it would
 * launch behind the sweep's back.
 */
export const sweepCommand = (
  name: string,
  args: SweepArgs,
  opts: pulumi.CustomResourceOptions,
): local.Command => {
  const { stack, settings, home } = args.context;
  const { githubToken, githubAppKey } = args.secrets;
  const options: SweepOptions = {
    stack,
    regions: settings.regions.map(({ name: region }) => region),
    home,
    github: args.github,
    pools: [...args.pools].sort(),
    secrets: { ...(githubToken && { githubToken }), ...(githubAppKey && { githubAppKey }) },
  };
  return new local.Command(
    name,
    {
      create: "true",
      delete: verbLine("sweep"),
      stdin: pulumi.output(args.script).apply(packedScript),
      environment: variables(JSON.stringify(options)),
      ...quiet,
    },
    opts,
  );
};

export interface DrainArgs {
  context: Pick<AwsContext, "stack" | "settings" | "home">;
  script: pulumi.Input<Pick<Bundle, "path" | "sha256">>;
  /** Pool -> regions in which its machines are launched. */
  pools: Readonly<Record<string, readonly string[]>>;
  /** The manager's. */
  bucket: pulumi.Input<string>;
  timeoutSeconds: number;
}

/** Depends on all of the manager, so that it is the last to be made and the first to go. */
export const drainCommand = (
  name: string,
  args: DrainArgs,
  opts: pulumi.CustomResourceOptions,
): local.Command => {
  const { stack, settings, home } = args.context;
  const poolsIn = (region: string) =>
    Object.keys(args.pools)
      .filter((pool) => args.pools[pool]!.includes(region))
      .sort();
  const options = pulumi.output(args.bucket).apply((bucket): string =>
    JSON.stringify({
      stack,
      regions: Object.fromEntries(settings.regions.map(({ name: region }) => [region, poolsIn(region)])),
      home,
      bucket,
      timeoutSeconds: args.timeoutSeconds,
    } satisfies DrainOptions),
  );
  return new local.Command(
    name,
    {
      create: verbLine("settle"),
      update: verbLine("settle"),
      delete: verbLine("drain"),
      stdin: pulumi.output(args.script).apply(packedScript),
      environment: variables(options),
      ...quiet,
    },
    opts,
  );
};
