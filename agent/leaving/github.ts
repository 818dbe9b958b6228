/** The stack's traces at GitHub, removed without a manager and without its notes: scale sets are known by their names. */
import { makeConnection } from "../manager/github/connection.ts";
import { forget } from "../manager/github/forget.ts";
import { makeLogin } from "../manager/github/login.ts";
import { makeService } from "../manager/github/service.ts";
import { defaultTimings, type Timings } from "../manager/github/timings.ts";
import { parseTarget } from "../manager/github/url.ts";
import type { Deps } from "../manager/deps.ts";
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
    const target = parseTarget(github.url);
    const rest = makeLogin(target, github.login, secrets, timings, deps);
    const connection = makeConnection(rest, target, timings, deps);
    const service = makeService(connection, timings, deps);
    const pools = Object.fromEntries(options.pools.map((pool) => [pool, null]));
    return forget({ github, stack, pools }, { service, ...noNotes }, signal);
  };
