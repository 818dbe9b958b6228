/** One deployment of muster as a component, for index.ts and for other people's programs. */
import * as pulumi from "@pulumi/pulumi";
import type { Bundles } from "./bundle.ts";
import { projectRoot, type StackInputs } from "./inputs.ts";
import { onThisComputer } from "./local/stack.ts";
import type { RunnersOutputs } from "./outputs.ts";

export interface RunnersArgs extends StackInputs {
  bundles: Bundles;
}

export class Runners extends pulumi.ComponentResource {
  readonly #outputs: RunnersOutputs;

  constructor(name: string, args: RunnersArgs, opts?: pulumi.ComponentResourceOptions) {
    super("muster:index:Runners", name, {}, opts);
    this.#outputs = onThisComputer(name, { ...args, root: projectRoot }, this);
    this.registerOutputs({ ...this.#outputs });
  }

  /** What other programs and people need to know; plain, and nothing of it is secret. */
  outputs(): RunnersOutputs {
    return this.#outputs;
  }
}
