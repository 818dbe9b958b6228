/**
 * How a stack on AWS leaves, from Pulumi's state: the options that its two Commands would be run with. The state knows
 * them when the checkout has moved on and the manager is dead; they are names and places, and no secret.
 */
import * as z from "zod";
import {
  drainOptions,
  optionsVariable,
  sweepOptions,
  type DrainOptions,
  type SweepOptions,
  type Verb,
} from "../../leaving/options.ts";
import { CliError } from "../errors.ts";
import type { Pulumi } from "../pulumi.ts";

export interface LeavingState {
  sweep: SweepOptions;
  /** Null: there is no drain any more, as after a destroy that stopped behind it. */
  drain: DrainOptions | null;
}

const exported = z.object({
  deployment: z.looseObject({
    resources: z.array(z.looseObject({ inputs: z.unknown().optional() })).nullish(),
  }),
});
const command = z.looseObject({
  /** The shell's line; the verb is its last word. */
  delete: z.string(),
  environment: z.looseObject({ [optionsVariable]: z.string() }),
});

/**
 * @param text what `pulumi stack export` prints
 * @returns null where no sweep is part of the state: the stack is not on AWS, or its destroy is past it
 * @throws CliError when the sweep in it is of a version that this one cannot read
 */
export const leavingState = (text: string): LeavingState | null => {
  const { deployment } = exported.parse(JSON.parse(text));
  const toldTo = (verb: Verb): string | null =>
    (deployment.resources ?? []).flatMap(({ inputs }) => {
      const { data } = command.safeParse(inputs);
      return data?.delete.endsWith(` ${verb}`) ? [String(data.environment[optionsVariable])] : [];
    })[0] ?? null;
  const read = <T>(verb: Verb, schema: z.ZodType<T>): T | null => {
    const told = toldTo(verb);
    if (told === null) return null;
    try {
      return schema.parse(JSON.parse(told));
    } catch {
      throw new CliError(
        `the state has a ${verb} that another version of this program wrote, and this one cannot read it. ` +
          "Use the checkout that the last pulumi up ran from.",
      );
    }
  };
  const sweep = read("sweep", sweepOptions);
  return sweep && { sweep, drain: read("drain", drainOptions) };
};

const exportLimitMs = 60_000;

/** @returns null: Pulumi does not know the stack, or it is not on AWS. @throws PulumiError when the state cannot be read */
export const readLeavingState = async (pulumi: Pick<Pulumi, "must">): Promise<LeavingState | null> => {
  try {
    return leavingState(await pulumi.must(["stack", "export"], { limitMs: exportLimitMs }));
  } catch (error) {
    if (/no stack named/.test((error as Error).message)) return null;
    throw error;
  }
};
