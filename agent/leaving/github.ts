/** The stack's traces at GitHub, removed without a manager and without its notes: scale sets are known by their names. */
import { makeConnection } from "../manager/github/connection.ts";
import { forget, tracesOf } from "../manager/github/forget.ts";
import { makeLogin } from "../manager/github/login.ts";
import { makeService } from "../manager/github/service.ts";
import { defaultTimings, type Timings } from "../manager/github/timings.ts";
import { parseTarget } from "../manager/github/url.ts";
import type { Deps } from "../manager/deps.ts";
import type { ManagerSecrets } from "../manager-config.ts";
import type { SweepOptions } from "./options.ts";
import type { LeavingDeps } from "./ports.ts";

/** Nothing was noted down where this runs. Runner records that were made by REST end at GitHub by themselves in a day. */
const noNotes = {
  owned: { sets: () => [], drop: () => {} },
  queued: { notes: { runners: () => [] }, runners: { remove: () => Promise.resolve("gone" as const) } },
};

export const forgetAtGitHub =
  (deps: Deps, timings: Timings = defaultTimings): LeavingDeps["forget"] =>
  (options, secrets, signal) => {
    const { github, stack } = options;
    const service = serviceOf(options, secrets, timings, deps);
    return forget({ github, stack, pools: poolsOf(options) }, { service, ...noNotes }, signal);
  };

/** Names of what the stack has at GitHub. @throws when it cannot be listed */
export const tracesAtGitHub =
  (deps: Deps, timings: Timings = defaultTimings) =>
  async (
    options: Parameters<LeavingDeps["forget"]>[0],
    secrets: ManagerSecrets,
    signal: AbortSignal,
  ): Promise<{ sets: string[]; runners: string[] }> => {
    const service = serviceOf(options, secrets, timings, deps);
    const config = { stack: options.stack, pools: poolsOf(options) };
    const { sets, runners } = await tracesOf(config, { service, ...noNotes }, signal);
    const names = (list: readonly { name: string }[]) => list.map(({ name }) => name).sort();
    return { sets: names(sets), runners: names(runners) };
  };

const poolsOf = ({ pools }: Pick<SweepOptions, "pools">) =>
  Object.fromEntries(pools.map((pool) => [pool, null]));

const serviceOf = (
  { github }: Pick<SweepOptions, "github">,
  secrets: ManagerSecrets,
  timings: Timings,
  deps: Deps,
) => {
  const target = parseTarget(github.url);
  const rest = makeLogin(target, github.login, secrets, timings, deps);
  return makeService(makeConnection(rest, target, timings, deps), timings, deps);
};
