/** One deployment of muster as a component, for index.ts and for other people's programs. */
import * as pulumi from "@pulumi/pulumi";
import { onAws } from "./aws/stack.ts";
import { costOf, figures } from "./cost.ts";
import { projectRoot, type StackInputs } from "./inputs.ts";
import { onThisComputer } from "./local/stack.ts";
import type { RunnersOutputs } from "./outputs.ts";
import type { Programs } from "./programs.ts";

export type RunnersArgs = StackInputs & Programs;

export class Runners extends pulumi.ComponentResource {
  readonly #outputs: RunnersOutputs;

  constructor(name: string, args: RunnersArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:index:Runners", name, {}, opts);
    this.#outputs = outputsOf(name, args, this);
    this.registerOutputs({ ...this.#outputs });
  }

  /** What other programs and people need to know; plain, and nothing of it is secret. */
  outputs(): RunnersOutputs {
    return this.#outputs;
  }
}

const outputsOf = (name: string, args: RunnersArgs, parent: Runners): RunnersOutputs => {
  const { settings } = args;
  const { manager, aws, github, budget } = settings;
  if (args.node === null) return onThisComputer(name, { ...args, root: projectRoot }, parent);
  if (manager.on !== "aws" || !aws)
    throw new Error("a manager on AWS needs the settings of AWS and the Node of its machine");
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
