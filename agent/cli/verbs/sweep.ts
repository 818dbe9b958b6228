/** `muster sweep`: ends and removes what is left of a stack, with or without its manager. */
import { readdir } from "node:fs/promises";
import { pino } from "pino";
import type { ManagerConfig } from "../../manager-config.ts";
import { realDeps } from "../../manager/deps.ts";
import { openOwned } from "../../manager/github/owned.ts";
import { parseTarget } from "../../manager/github/url.ts";
import { foreign, ownership } from "../../supervisor/marker.ts";
import type { CliDeps } from "../deps.ts";
import { CliError } from "../errors.ts";
import { countProcesses, type MachineLimits } from "../local/machines.ts";
import { sweep } from "../local/sweep.ts";
import { checkout, openPulumi, type Pulumi } from "../pulumi.ts";
import { findState } from "../state.ts";
import { isStackMade, type Where } from "../where.ts";

export interface Leftovers {
  directory: string;
  /** False: there is no folder, or nothing is in it. */
  exists: boolean;
  /** Process ids; null where it does not run. */
  supervisor: number | null;
  manager: number | null;
  /** A manager answers and says that it is well. */
  healthy: boolean;
  /** Folders of machines. */
  machines: readonly string[];
  /** Runner agents, their runners and what jobs started. */
  processes: number;
  /** Null: nothing is known of GitHub. */
  github: { url: string; sets: readonly string[] } | null;
}

/** @throws FolderError when the folder is not a manager's */
export const findLeftovers = async (where: Where): Promise<Leftovers> => {
  const { paths } = where;
  const { kind } = await ownership(paths.directory);
  if (kind === "foreign") throw foreign(paths.directory);
  const { supervisor, manager, state, config } = await findState(where);
  return {
    directory: paths.directory,
    exists: kind === "ours",
    supervisor,
    manager,
    healthy: state?.healthy === true,
    machines: (await readdir(paths.machines).catch(() => [])).sort(),
    processes: await countProcesses(paths),
    github: config && { url: config.github.url, sets: setsOf(paths.directory, config) },
  };
};

/** Names of the scale sets that this stack noted down. */
const setsOf = (directory: string, { github }: ManagerConfig): string[] => {
  const deps = realDeps(pino({ level: "silent" }));
  return openOwned(directory, parseTarget(github.url).url, deps)
    .sets()
    .map(({ name }) => name);
};

export const isNothing = ({ exists, supervisor, manager, processes }: Leftovers): boolean =>
  !exists && supervisor === null && manager === null && processes === 0;

const running = (what: string, pid: number | null) =>
  `${what.padEnd(12)} ${pid === null ? "does not run" : `runs (pid ${pid})`}`;

export const leftoverLines = (left: Leftovers): string[] => {
  if (isNothing(left)) return [`nothing is left: ${left.directory} is not there or is empty`];
  const { machines, github } = left;
  const named = machines.slice(0, 5).join(", ") + (machines.length > 5 ? ", ..." : "");
  const sets =
    github === null
      ? "not known: the folder has no readable settings"
      : github.sets.length === 0
        ? `none noted down for ${github.url}`
        : `${github.sets.join(", ")} at ${github.url}`;
  return [
    left.healthy
      ? `manager      answers and is well${left.manager === null ? "" : ` (pid ${left.manager})`}`
      : running("manager", left.manager),
    running("supervisor", left.supervisor),
    `machines     ${machines.length === 0 ? "none" : `${machines.length}: ${named}`}`,
    `processes    ${left.processes} of runner agents and their jobs`,
    `scale sets   ${sets}`,
    `folder       ${left.directory}: settings, journal, history, logs`,
  ];
};

const keys = { token: "githubToken", app: "githubAppKey" } as const;
const pulumiLimitMs = 60_000;

export interface SweepDeps extends CliDeps {
  root: string;
  pulumi: (stack: string) => Pick<Pulumi, "must">;
  limits?: MachineLimits;
}
export const realSweepDeps = (deps: CliDeps): SweepDeps => ({
  ...deps,
  root: checkout,
  pulumi: (stack) => openPulumi(stack, { say: deps.say }),
});

/** ManagerSecrets as JSON from the stack's configuration; in words why there are none. */
const credential = async (
  { stack }: Where,
  config: ManagerConfig,
  deps: SweepDeps,
): Promise<{ json: string } | { why: string }> => {
  const name = stack ?? config.stack.name;
  if (!(await isStackMade(name, deps.root))) return { why: `Pulumi does not know the stack ${name}` };
  const key = keys[config.github.login.kind];
  try {
    const value = await deps
      .pulumi(name)
      .must(["config", "get", `muster:${key}`], { limitMs: pulumiLimitMs });
    return { json: JSON.stringify({ [key]: value.replace(/\n$/, "") }) };
  } catch (error) {
    return { why: (error as Error).message };
  }
};

/**
 * Ends manager, machines and jobs at once, removes what the stack has at GitHub where a credential is in reach, and the
 * folder. What could not be removed is said.
 * @param options.force also when a healthy manager runs
 * @throws CliError when a healthy manager runs and force was not given
 */
export const sweepStack = async (
  where: Where,
  options: { force: boolean; secrets: string | null },
  deps: SweepDeps,
): Promise<void> => {
  const { state, config } = await findState(where);
  const flag = where.stack === null || where.stack === "local" ? "" : ` -s ${where.stack}`;
  if (state?.healthy === true && !options.force)
    throw new CliError(
      `a healthy manager runs in ${where.paths.directory}: its jobs would be interrupted. ` +
        `Take the stack down with "npm run pulumi -- destroy -s ${where.stack ?? state.stack.name}" (running jobs finish first), ` +
        `or end everything at once: npm run muster -- sweep${flag} --force`,
    );
  let secrets = options.secrets;
  if (secrets === null && config) {
    const found = await credential(where, config, deps);
    if ("json" in found) secrets = found.json;
    else deps.say(`no credential for GitHub is in reach: ${found.why}`);
  }
  await sweep(where.paths.directory, secrets, deps, deps.limits);
};
