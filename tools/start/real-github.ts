/** What a stack has at a real GitHub: asked with the manager's own client, to show that `destroy` left nothing. */
import { pino } from "pino";
import { makeConnection } from "../../agent/manager/github/connection.ts";
import { makeLogin } from "../../agent/manager/github/login.ts";
import { makeService } from "../../agent/manager/github/service.ts";
import { isNameOf } from "../../agent/manager/github/sets.ts";
import { defaultTimings } from "../../agent/manager/github/timings.ts";
import { parseTarget } from "../../agent/manager/github/url.ts";
import { realDeps } from "../../agent/manager/deps.ts";
import type { ManagerConfig } from "../../agent/manager-config.ts";

const callMs = 60_000;

export interface Standing {
  /** Names. */
  runners: readonly string[];
  scaleSets: readonly string[];
}

/**
 * Asks for this stack's scale sets and the runner records in them. Records are told by their set's id, so a look
 * before `destroy` is needed for one after it to find records that outlived their set.
 */
export const realGitHub = (config: ManagerConfig, token: string): (() => Promise<Standing>) => {
  const { url, login } = config.github;
  const deps = realDeps(pino({ enabled: false }));
  const target = parseTarget(url);
  const rest = makeLogin(target, login, { githubToken: token }, defaultTimings, deps);
  const service = makeService(makeConnection(rest, target, defaultTimings, deps), defaultTimings, deps);
  const ids = new Set<number>();
  return async () => {
    const signal = AbortSignal.timeout(callMs);
    const pools = Object.keys(config.pools);
    const all = await service.listSets(signal);
    const sets = all.filter(
      ({ id, name }) => ids.has(id) || pools.some((pool) => isNameOf(config, pool, name)),
    );
    for (const { id } of sets) ids.add(id);
    const agents = await service.listAgents(signal);
    const ours = agents.filter(
      ({ runnerScaleSetId }) => runnerScaleSetId !== null && ids.has(runnerScaleSetId),
    );
    return { runners: ours.map(({ name }) => name), scaleSets: sets.map(({ name }) => name) };
  };
};
