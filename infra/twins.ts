/** Two stacks of one program must be told apart at AWS: by names, and by the tag that a destroy goes by. */
import * as pulumi from "@pulumi/pulumi";
import { UsageError } from "./errors.ts";

/** By the run of a program: one process may run several, and the same one twice. */
const known = new WeakMap<object, Map<string, string>>();

/**
 * @param name of the component
 * @param marks what only one stack may have, such as its tag and its prefix
 * @throws UsageError when another of this program has one of them
 */
export const refuseTwin = (
  name: string,
  marks: readonly string[],
  run: object | undefined = pulumi.runtime.getStackResource(),
): void => {
  if (!run) return;
  const taken = known.get(run) ?? new Map<string, string>();
  known.set(run, taken);
  for (const mark of marks) {
    const other = taken.get(mark);
    if (other !== undefined)
      throw new UsageError(
        `Runners ${name} and Runners ${other} of this program are both ${mark} at AWS, so that each would take the other's ` +
          "machines for its own: give them different names, and different namePrefix in settings.aws where it is set.",
      );
    taken.set(mark, name);
  }
};
