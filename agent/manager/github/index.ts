/** GitHub's side of all pools, as ports.ts asks for it. */
import type { ManagerConfig, ManagerSecrets } from "../../manager-config.ts";
import { deadline, type Deps } from "../deps.ts";
import type { GitHub, MakeGitHub, Report } from "../ports.ts";
import type { PoolName } from "../world.ts";
import { makeArchives } from "./archive.ts";
import { makeConnection, type Connection } from "./connection.ts";
import { classify, GitHubError, SetGone } from "./errors.ts";
import { forget } from "./forget.ts";
import { makeLogin, type Rest } from "./login.ts";
import { openOwned } from "./owned.ts";
import { makePool, type Pool, type PoolTools } from "./pool.ts";
import { mint, remove } from "./runners.ts";
import { makeService } from "./service.ts";
import { resolveSet, wishOf } from "./sets.ts";
import { defaultTimings, type Timings } from "./timings.ts";
import { parseTarget } from "./url.ts";

export const makeGitHub: MakeGitHub = (config, secrets, report, deps) =>
  makeGitHubWith(defaultTimings)(config, secrets, report, deps);

export const makeGitHubWith =
  (timings: Timings): MakeGitHub =>
  (first, firstSecrets, report, deps): GitHub => {
    let config = first;
    let secrets = firstSecrets;
    let place = makePlace(config, secrets, report, timings, deps);
    let stopped = false;
    const pools = new Map<PoolName, Pool>();

    const poolOf = (name: PoolName): Pool => {
      const known = pools.get(name);
      if (known) return known;
      const made = makePool(name, { ...place.tools(() => config), report }, () => pools.delete(name));
      pools.set(name, made);
      return made;
    };
    /** Sessions are given up at once and ended at GitHub as far as time allows. */
    const leave = async (outer?: AbortSignal) => {
      const limit = deadline(deps.clock, timings.stopMs, "ending sessions", outer);
      const leaving = [...pools.values()];
      pools.clear();
      await Promise.all(leaving.map((pool) => pool.stop(limit.signal)));
      limit.done();
    };

    return {
      start: (wanted) => {
        if (stopped) return;
        const moved = wanted.github.url !== config.github.url;
        const otherLogin = JSON.stringify(wanted.github.login) !== JSON.stringify(config.github.login);
        config = wanted;
        if (moved) {
          void leave();
          place.owned.close();
          place = makePlace(config, secrets, report, timings, deps);
        } else if (otherLogin) place.login(config, secrets);
        const names = new Set([...pools.keys(), ...Object.keys(config.pools)]);
        // Sets of pools that went away while nobody listened are drained as well.
        for (const { pool } of place.owned.sets()) names.add(pool);
        for (const name of names) poolOf(name).follow(wishOf(config, name));
      },

      capacity: (pool, jobs) => pools.get(pool)?.capacity(jobs),

      hosts: () => {
        const queues = [...pools.values()].map((pool) => pool.queueUrl());
        return { api: place.api, broker: queues.find((url) => url !== null) ?? null };
      },

      mint: async (pool, runnerName, signal) => {
        const set = pools.get(pool)?.forRunner();
        if (!set) {
          const why = `registering runner ${runnerName}: the scale set of pool ${pool} is not known yet`;
          throw new GitHubError(why, { reason: "unavailable" });
        }
        try {
          return await mint(set, runnerName, place, signal);
        } catch (error) {
          if (error instanceof SetGone) pools.get(pool)?.lost(set.id);
          throw error;
        }
      },

      remove: (_pool, runner, signal) => remove(runner, place, signal),
      archive: (arch, signal) => place.archives(arch, signal),

      forget: async (signal) => {
        stopped = true;
        await leave(signal);
        return forget(config, place, signal);
      },

      credentials: (fresh) => {
        secrets = fresh;
        place.login(config, secrets);
        for (const pool of pools.values()) pool.wake();
      },

      classify,

      stop: async () => {
        stopped = true;
        await leave();
      },
    };
  };

/** Everything that belongs to one `github.url`; the login behind it can change. */
function makePlace(
  first: ManagerConfig,
  firstSecrets: ManagerSecrets,
  report: Report,
  timings: Timings,
  deps: Deps,
) {
  const target = parseTarget(first.github.url);
  const { project, name } = first.stack;
  const owned = openOwned(first.manager.directory, target.url, deps);
  let rest: Rest;
  let connection: Connection;
  const login = (config: ManagerConfig, secrets: ManagerSecrets) => {
    rest = makeLogin(target, config.github.login, secrets, timings, deps);
    connection = makeConnection(rest, target, timings, deps);
  };
  login(first, firstSecrets);
  const service = makeService(
    { admin: (signal) => connection.admin(signal), spoiled: (token) => connection.spoiled(token) },
    timings,
    deps,
  );
  const tools = (config: () => ManagerConfig): PoolTools => ({
    service,
    owned,
    ownerName: `muster ${project}/${name}`,
    timings,
    deps,
    report,
    resolve: (wish, signal) => resolveSet(wish, { config: config(), service, owned }, signal),
  });
  return {
    api: target.api,
    owned,
    service,
    login,
    tools,
    archives: makeArchives(() => rest, target, timings, deps),
  };
}
