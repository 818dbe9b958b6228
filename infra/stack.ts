/** One deployment of muster as a component, for index.ts and for other people's programs. */
import * as aws from "@pulumi/aws";
import * as command from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { onAws } from "./aws/stack.ts";
import { costOf, figures } from "./cost.ts";
import { UsageError } from "./errors.ts";
import { type Given, inputsOf } from "./given.ts";
import { projectRoot, type StackInputs } from "./inputs.ts";
import { onThisComputer } from "./local/stack.ts";
import type { RunnersOutputs } from "./outputs.ts";
import { programsFor, type Programs } from "./programs.ts";
import { refuseTwin } from "./twins.ts";

export type RunnersArgs = StackInputs &
  Programs & {
    /** Another program holds it: commands of the checkout do not know it. */
    ofProgram?: boolean;
  };

export class Runners extends pulumi.ComponentResource {
  readonly #outputs: RunnersOutputs;

  constructor(name: string, args: RunnersArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:index:Runners", name, {}, opts);
    this.#outputs = outputsOf(name, args, this);
    this.registerOutputs({ ...this.#outputs });
  }

  /**
   * For a program of one's own: a manager on AWS with its pools. Options are passed on as everywhere in Pulumi; of
   * `providers` only `command` is taken, and made where there is none. Those for AWS are made, one a region, since the
   * scripts that a destroy runs must have the same credentials: those of the environment.
   *
   * @param name part of names and tags at AWS: `muster-STACK-NAME`
   * @throws SettingsError with everything that is wrong; UsageError, BundleError, NodeError
   */
  static async create(
    name: string,
    given: Given,
    opts: pulumi.ComponentResourceOptions = {},
  ): Promise<Runners> {
    refuseAws(name, opts);
    const inputs = inputsOf(name, given);
    const { settings } = inputs;
    for (const said of [...settings.warnings, ...(costOf(settings)?.warnings ?? [])])
      await pulumi.log.warn(`Runners ${name}: ${said}`);
    const programs = await programsFor(settings, projectRoot);
    return new Runners(name, { ...inputs, ...programs }, ordered(withCommand(name, opts)));
  }

  /** What other programs and people need to know; plain, and nothing of it is secret. */
  outputs(): RunnersOutputs {
    return this.#outputs;
  }
}

const providersOf = ({ provider, providers = [] }: pulumi.ComponentResourceOptions) => [
  ...(provider ? [provider] : []),
  ...(Array.isArray(providers) ? providers : Object.values(providers)),
];

/** Silently making everything in another account than that provider's would be worse. */
const refuseAws = (name: string, opts: pulumi.ComponentResourceOptions) => {
  if (providersOf(opts).some((one) => aws.Provider.isInstance(one)))
    throw new UsageError(
      `Runners ${name}: providers for AWS are not taken. Runners makes its own, one a region, with the credentials of the ` +
        "environment (AWS_PROFILE, for instance), which the scripts of a destroy have, too. Leave aws out of `providers`.",
    );
};

/** Default providers may be switched off. */
const withCommand = (
  name: string,
  opts: pulumi.ComponentResourceOptions,
): pulumi.ComponentResourceOptions => {
  const given = providersOf(opts);
  const known =
    given.some((one) => command.Provider.isInstance(one)) ||
    opts.parent?.getProvider("command:local:Command") !== undefined;
  if (known) return opts;
  const parent = opts.parent ? { parent: opts.parent } : {};
  const { provider: _, ...others } = opts;
  return { ...others, providers: [...given, new command.Provider(`${name}-command`, {}, parent)] };
};

/** Pulumi lets a component wait, but not what it is made of: the network's way out would go before the runners. */
const ordered = (opts: pulumi.ComponentResourceOptions): pulumi.ComponentResourceOptions => {
  const { dependsOn, transformations = [] } = opts;
  if (dependsOn === undefined) return opts;
  const waiting: pulumi.ResourceTransformation = ({ props, opts: own }) => ({
    props,
    opts: pulumi.mergeOptions(own, { dependsOn }),
  });
  return { ...opts, transformations: [...transformations, waiting] };
};

const outputsOf = (name: string, args: RunnersArgs, parent: Runners): RunnersOutputs => {
  const { settings } = args;
  const { manager, aws, github, budget } = settings;
  if (args.node === null) return onThisComputer(name, { ...args, root: projectRoot }, parent);
  if (manager.on !== "aws" || !aws)
    throw new Error("a manager on AWS needs the settings of AWS and the Node of its machine");
  refuseTwin(name, [`${args.stack.project}/${args.stack.name}`, aws.namePrefix]);
  const pools = Object.fromEntries(
    Object.entries(settings.pools).map(([pool, { backends, ...rest }]) => [
      pool,
      { ...rest, backends: backends.filter((backend) => backend.kind === "aws") },
    ]),
  );
  const cost = costOf(settings)!;
  const costs = figures(cost);
  const limit = budget && { ...budget, baseMicrosPerHour: cost.always };
  return onAws(name, { ...args, github, budget: limit, manager, aws, pools, costs }, parent);
};
