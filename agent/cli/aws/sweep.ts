/** `muster sweep` of a stack on AWS: what a destroy's sweep does, by hand, with the rights of whoever runs it. */
import type { LeavingDeps } from "../../leaving/ports.ts";
import { sweep } from "../../leaving/sweep.ts";
import { reason } from "../../leaving/text.ts";
import { CliError } from "../errors.ts";
import type { LeavingState } from "./leaving-state.ts";
import {
  awsLeftoverLines,
  findAwsLeftovers,
  isNothingAtAws,
  type AwsLeftovers,
  type LeftoverPorts,
} from "./leftovers.ts";

export interface AwsSweepDeps extends LeavingDeps, LeftoverPorts {
  /** A line of the result. */
  print: (line: string) => void;
  /** Of the terminal. */
  columns: number;
  /** False on anything but a clear yes. @throws CliError where nobody can be asked */
  confirmed: (question: string) => Promise<boolean>;
}

export interface AwsSweepFlags {
  list: boolean;
  yes: boolean;
  force: boolean;
  json: boolean;
}

const plain = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw error instanceof CliError ? error : new CliError(reason(error));
  }
};

/** @throws CliError: it would end machines behind a manager's back */
const refuseBesideManager = ({ manager, machines }: AwsLeftovers, stack: string): void => {
  if (manager.is === "silent") return;
  const who =
    manager.is === "lives"
      ? `the manager of ${stack} lives: it ends what is left over by itself, and`
      : `whether the manager of ${stack} lives is not known (${manager.problem}). If it does,`;
  throw new CliError(
    `${who} jobs on ${machines.length === 1 ? "this machine" : `these ${machines.length} machines`} would be interrupted. ` +
      `Nothing was done. To take the stack down, and let jobs finish: npm run pulumi -- destroy -s ${stack}. ` +
      `To end all of this at once: npm run muster -- sweep -s ${stack} --force`,
  );
};

/**
 * Shows what there is, asks, ends it, and looks again.
 * @returns the exit code: 1 when something is left, or nobody could look at GitHub
 * @throws CliError when AWS cannot be asked, something cannot be ended, or a manager lives and force was not given
 */
export const sweepAtAws = async (
  state: LeavingState,
  flags: AwsSweepFlags,
  deps: AwsSweepDeps,
  signal: AbortSignal,
): Promise<number> => {
  const stack = state.sweep.stack.name;
  const show = (found: AwsLeftovers) =>
    awsLeftoverLines(found, { columns: deps.columns, nowMs: deps.clock.now() }).forEach(deps.print);
  const before = await plain(findAwsLeftovers(state, deps));
  if (!flags.json) show(before);
  if (flags.list || (isNothingAtAws(before) && before.github.problem === null)) {
    if (flags.json) deps.print(JSON.stringify(before));
    return 0;
  }
  if (!flags.force) refuseBesideManager(before, stack);
  if (!flags.yes && !(await deps.confirmed("End and remove all of this?")))
    throw new CliError("nothing was done.");
  await plain(sweep(state.sweep, deps, signal));
  const after = await plain(findAwsLeftovers(state, deps));
  const clean = isNothingAtAws(after) && after.github.problem === null;
  if (flags.json) deps.print(JSON.stringify({ before, after }));
  else if (clean)
    deps.print(
      `nothing is left that was launched. What Pulumi made stays: npm run pulumi -- destroy -s ${stack} removes it.`,
    );
  else show(after);
  return clean ? 0 : 1;
};
