/** How far GitHub is from this machine: measured beside the syncs, which carry the last figures and wait for none. */
import { connectTime } from "../connect-time.ts";
import { githubHosts, type EnrollResponse, type Usage } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";

export interface Connect {
  /** The last figures; undefined before the first, or where the manager named no host. */
  now(): Usage["connect"];
  /** Measures again unless the last time was a moment ago. */
  measure(signal: AbortSignal): Promise<void>;
}

export function makeConnect(hosts: EnrollResponse["github"], limits: Limits, deps: Deps): Connect {
  let known: Usage["connect"];
  let measuring = false;
  let measuredMs = -Infinity;
  return {
    now: () => known,
    measure: async (signal) => {
      if (!hosts || measuring || deps.clock.now() - measuredMs < limits.connectEveryMs) return;
      measuring = true;
      measuredMs = deps.clock.now();
      const options = { timeoutMs: limits.connectTimeoutMs, signal };
      const read = await Promise.all(
        githubHosts.map(async (name) => {
          const url = hosts[name];
          if (!url) return [];
          const time = await connectTime(url, options, deps);
          const cut = (text: string | null) => text && text.slice(0, 256);
          const { host, proxy, problem } = time;
          return [[name, { ...time, host: host.slice(0, 256), proxy: cut(proxy), problem: cut(problem) }]];
        }),
      );
      measuring = false;
      known = Object.fromEntries(read.flat()) as Usage["connect"];
    },
  };
}
