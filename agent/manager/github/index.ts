/** GitHub's side of all pools, as ports.ts asks for it. */
import type { ManagerConfig, ManagerSecrets } from "../../manager-config.ts";
import { deadline, type Deps } from "../deps.ts";
import type { GitHub, MakeGitHub } from "../ports.ts";
import type { PoolName } from "../world.ts";
import { makeAccessWatch, type Watched } from "./access/watch.ts";
import { makeArchives } from "./archive.ts";
import { makeConnection, type Connection } from "./connection.ts";
import { classify, GitHubError } from "./errors.ts";
import { forget } from "./forget.ts";
import { makeLogin, type Purpose, type Rest } from "./login.ts";
import { openOwned } from "./owned.ts";
import { makeQueuedPlace } from "./queued/place.ts";
import { removeSet } from "./remove-set.ts";
import { hadNoEffect, makeReruns } from "./reruns.ts";
import { remove } from "./runners.ts";
import { makeService } from "./service.ts";
import { resolveSet, wishOf } from "./sets.ts";
import { makeSourcedPool, type SourcedPool, type SourceTools } from "./sources.ts";
import { defaultTimings, type Timings } from "./timings.ts";
import { parseTarget } from "./url.ts";

export const makeGitHub: MakeGitHub = (config, secrets, report, deps) =>
  makeGitHubWith(defaultTimings)(config, secrets, report, deps);

export const makeGitHubWith =
  (timings: Timings): MakeGitHub =>
  (first, firstSecrets, report, deps): GitHub => {
    let config = first;
    let secrets = firstSecrets;
    let place = makePlace(config, secrets, timings, deps);
    let stopped = false;
    const pools = new Map<PoolName, SourcedPool>();
    const readsRuns = (pool: PoolName) => pools.get(pool)?.usesRest() === true;
    const access = makeAccessWatch(() => ({ ...place.watched, readsRuns }), report, timings, deps);

    const poolOf = (name: PoolName): SourcedPool => {
      const known = pools.get(name);
      if (known) return known;
      const tools = { ...place.tools(() => config), report, switched: access.look };
      const made = makeSourcedPool(name, tools, () => pools.delete(name));
      pools.set(name, made);
      return made;
    };
    /** Sessions are given up at once and ended at GitHub as far as time allows. */
    const leave = async (outer?: AbortSignal) => {
      const limit = deadline(deps.clock, timings.stopMs, "ending sessions", outer);
      const leaving = [...pools.values()];
      pools.clear();
      await Promise.all([place.queued.runs.stop(), ...leaving.map((pool) => pool.stop(limit.signal))]);
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
          place.close();
          place = makePlace(config, secrets, timings, deps);
        } else if (otherLogin) place.login(config, secrets);
        // First: nothing is launched for a pool before its jobs are told of, and so not before it was looked at.
        access.follow(config);
        const names = new Set([...pools.keys(), ...Object.keys(config.pools)]);
        // Sets of pools that went away while nobody listened are drained as well.
        for (const { pool } of place.owned.sets()) names.add(pool);
        for (const name of names) poolOf(name).follow(wishOf(config, name), config.github.source);
      },

      capacity: (pool, jobs) => pools.get(pool)?.capacity(jobs),

      hosts: () => {
        const queues = [...pools.values()].map((pool) => pool.queueUrl());
        return { api: place.api, broker: queues.find((url) => url !== null) ?? null };
      },

      mint: async (pool, runnerName, signal) => {
        const known = pools.get(pool);
        if (known) return known.mint(runnerName, signal);
        const why = `registering runner ${runnerName}: pool ${pool} is not in the settings`;
        throw new GitHubError(why, { reason: "unavailable" });
      },

      remove: async (pool, runner, signal) => {
        const byRest = place.queued.notes.poolOf(runner.name) !== undefined || readsRuns(pool);
        if (!byRest) return remove(runner, place, signal);
        place.queued.runs.ended(runner.name);
        return place.queued.runners.remove(runner, signal);
      },
      archive: (arch, signal) => place.archives(arch, signal),

      forget: async (signal) => {
        stopped = true;
        access.stop();
        await leave(signal);
        return forget(config, place, signal);
      },

      seeRun: (repository, run, runners, signal) => place.reruns.see(repository, run, runners, signal),
      rerun: (repository, run, call, signal) => place.reruns.make(repository, run, call, signal),
      hadNoEffect,

      removeSet: (wanted, signal) => removeSet(wanted, { config, ...place }, signal),

      credentials: (fresh) => {
        secrets = fresh;
        place.login(config, secrets);
        access.look();
        for (const pool of pools.values()) pool.wake();
      },

      classify,

      stop: async () => {
        stopped = true;
        access.stop();
        await leave();
      },
    };
  };

/** Everything that belongs to one `github.url`; the login behind it can change. */
function makePlace(first: ManagerConfig, firstSecrets: ManagerSecrets, timings: Timings, deps: Deps) {
  const target = parseTarget(first.github.url);
  const { project, name } = first.stack;
  const owned = openOwned(first.manager.directory, target.url, deps);
  let rest: Rest;
  let runsRest: Rest;
  let rerunsRest: Rest;
  let deploymentsRest: Rest;
  let connection: Connection;
  let kind = first.github.login;
  const login = (config: ManagerConfig, secrets: ManagerSecrets) => {
    kind = config.github.login;
    rest = makeLogin(target, kind, secrets, timings, deps);
    const loginFor = (purpose: Purpose) => makeLogin(target, kind, secrets, timings, deps, purpose);
    runsRest = loginFor("runners and runs");
    rerunsRest = loginFor("re-runs");
    deploymentsRest = loginFor("deployments");
    connection = makeConnection(rest, target, timings, deps);
  };
  login(first, firstSecrets);
  const service = makeService(
    { admin: (signal) => connection.admin(signal), spoiled: (token) => connection.spoiled(token) },
    timings,
    deps,
  );
  const { directory } = first.manager;
  const queued = makeQueuedPlace({
    target,
    directory,
    rest: () => runsRest,
    login: () => kind,
    timings,
    deps,
  });
  const tools = (config: () => ManagerConfig): Omit<SourceTools, "report" | "switched"> => ({
    service,
    owned,
    queued,
    enterprise: target.kind === "enterprise",
    url: target.url,
    ownerName: `muster ${project}/${name}`,
    timings,
    deps,
    resolve: (wish, signal) => resolveSet(wish, { config: config(), service, owned }, signal),
  });
  const close = () => {
    owned.close();
    queued.notes.close();
  };
  const archives = makeArchives(() => rest, target, timings, deps);
  const watched: Omit<Watched, "readsRuns"> = { rest: () => rest, service, target, owned };
  const reruns = makeReruns({ rest: () => rerunsRest, deployments: () => deploymentsRest, timings, deps });
  return { reruns, api: target.api, owned, service, queued, login, tools, watched, close, archives };
}
