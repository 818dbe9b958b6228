/**
 * `sweep`: ends everything of the stack that the program did not make, with the rights of whoever runs it and without a
 * manager: machines, what they left behind, then scale sets and runner records at GitHub. It may be interrupted and
 * repeated: every step begins with what AWS and GitHub say is there.
 */
import { deadline } from "../manager/deps.ts";
import { LeavingError } from "./errors.ts";
import { limits as defaults, type Limits } from "./limits.ts";
import { stackValue, type SweepOptions } from "./options.ts";
import type { LeavingDeps, Region } from "./ports.ts";
import { sweepLeftovers } from "./sweep-leftovers.ts";
import { sweepMachines } from "./sweep-machines.ts";
import { plural, reason, some } from "./text.ts";

/** @throws LeavingError naming what could not be removed at AWS; what is left at GitHub is said and no error */
export const sweep = async (
  options: SweepOptions,
  deps: LeavingDeps,
  signal: AbortSignal,
  limits: Limits = defaults,
): Promise<void> => {
  const regions = options.regions.map((name) => deps.region(name, stackValue(options)));
  const outcomes = await Promise.allSettled(
    regions.map((region) => sweepRegion(region, deps, signal, limits)),
  );
  signal.throwIfAborted();
  // Also when machines are left: scale sets without a manager would be given jobs that nobody runs.
  await sweepGitHub(options, deps, limits);
  const problems = outcomes.flatMap((one) => (one.status === "rejected" ? [reason(one.reason)] : []));
  if (problems.length > 0)
    throw new LeavingError(`${problems.join("\n")}\nRepeat it when that is cured: what is gone stays gone.`);
};

const sweepRegion = async (region: Region, deps: LeavingDeps, signal: AbortSignal, limits: Limits) => {
  const ended = await sweepMachines(region, deps, signal, limits);
  const removed = await sweepLeftovers(region, deps, signal, limits);
  const done = [
    ended > 0 ? `${plural(ended, "machine")} ended` : "",
    removed > 0 ? `${removed} of their volumes and interfaces removed` : "",
    "nothing is left",
  ];
  deps.say(`sweep: ${region.name}: ${done.filter(Boolean).join(", ")}`);
};

const sweepGitHub = async (options: SweepOptions, deps: LeavingDeps, limits: Limits): Promise<void> => {
  const { github, pools, stack } = options;
  const names = pools.map((pool) => `${stack.project}-${stack.name}-${pool}`);
  const mayRemain = (why: string) =>
    deps.say(
      `sweep: nothing was removed at ${github.url} (${why}). These scale sets and their runners may remain, delete ` +
        `them by hand or repeat "muster sweep" with a credential: ${some(names) || "none"}`,
    );
  const limit = deadline(deps.clock, limits.gitHubMs, "clearing up at GitHub");
  try {
    const secrets = await deps.secrets(options.secrets, options.home).catch((error: unknown) => {
      mayRemain(`no credential is in reach: ${reason(error)}`);
      return null;
    });
    if (secrets === null) return;
    const left = await deps.forget(options, secrets, limit.signal);
    if (left.length === 0) deps.say(`sweep: ${github.url}: no scale set and no runner of this stack is left`);
    else deps.say(`sweep: left at ${github.url}:\n${left.map((line) => `  ${line}`).join("\n")}`);
  } catch (error) {
    mayRemain(reason(error));
  } finally {
    limit.done();
  }
};
