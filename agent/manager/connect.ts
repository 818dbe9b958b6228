/** How far GitHub is from the manager: measured at the start and from then on, for page, metrics and state. */
import { connectTime, type ConnectTime } from "../connect-time.ts";
import { githubHosts, type GitHubHost } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";
import type { GitHub } from "./ports.ts";

export interface Measuring {
  /** The last figures, by host; those that were never measured are absent. */
  now(): Readonly<Partial<Record<GitHubHost, ConnectTime>>>;
  stop(): void;
}

/** @param measured called after each round */
export function keepMeasuring(
  hosts: GitHub["hosts"],
  limits: Limits,
  deps: Deps,
  measured: () => void = () => {},
  measure: typeof connectTime = connectTime,
): Measuring {
  const over = new AbortController();
  let known: Partial<Record<GitHubHost, ConnectTime>> = {};
  let cancel = () => {};
  let rounds = 0;

  const round = async () => {
    const urls = hosts();
    const options = { timeoutMs: limits.connectTimeoutMs, signal: over.signal };
    const place = { clock: deps.clock, env: process.env };
    const times = await Promise.all(
      githubHosts.map(async (name) => {
        const url = urls[name];
        return url === null ? [] : [[name, await measure(url, options, place)] as const];
      }),
    );
    if (over.signal.aborted) return;
    known = Object.fromEntries(times.flat());
    measured();
    // The host that hands out jobs is known once a session is open: that is soon, or never where runs are polled.
    rounds += 1;
    const soon = urls.broker === null && rounds * limits.connectFirstMs <= limits.connectPeriodMs;
    const nextMs = soon ? limits.connectFirstMs : limits.connectPeriodMs;
    cancel = deps.clock.after(nextMs, () => void round());
  };
  void round();
  return {
    now: () => known,
    stop: () => {
      over.abort();
      cancel();
    },
  };
}
