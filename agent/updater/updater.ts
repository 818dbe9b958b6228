/** One pass after the other: look, follow, judge, tell. */
import { attempt, type Context, type UpdaterOptions } from "./context.ts";
import type { UpdaterDeps } from "./deps.ts";
import { makeDrain } from "./drain.ts";
import type { HostFolder } from "./folder.ts";
import { makeLogs } from "./logs.ts";
import { makeManage } from "./manage.ts";
import { confirm, replaceSelf } from "./self.ts";
import { newState, parseState } from "./state.ts";
import { makeMetrics } from "./metrics.ts";
import { makeStatus } from "./status.ts";
import type { Store } from "./store.ts";
import { newTrial } from "./trial.ts";
import { makeSecrets, makeWatch } from "./watch.ts";

export const makeContext = async (
  options: UpdaterOptions,
  store: Store,
  folder: HostFolder,
  stop: AbortSignal,
  deps: UpdaterDeps,
): Promise<Context> => {
  const state = parseState(await folder.readState().catch(() => newState));
  const { running, good } = state;
  // A trial that an earlier updater did not see to its end begins anew.
  const unproven = running !== null && JSON.stringify(running) !== JSON.stringify(good);
  return {
    options,
    store,
    folder,
    deps,
    state,
    saving: Promise.resolve(),
    wanted: null,
    secrets: null,
    trial: unproven ? newTrial(deps.clock.now()) : null,
    health: null,
    problems: new Map(),
    over: false,
    stop,
  };
};

/** Runs until it is stopped or a newer updater takes over. */
export const runUpdater = async (context: Context): Promise<void> => {
  const { deps, options } = context;
  const { watchMs, probeMs } = options.limits;
  const parts = {
    watch: makeWatch(context),
    secrets: makeSecrets(context),
    manage: makeManage(context),
    drain: makeDrain(context),
    status: makeStatus(context),
    metrics: makeMetrics(context),
    logs: makeLogs(context),
  };
  let lookMs = -Infinity;
  while (!context.stop.aborted) {
    const now = deps.clock.now();
    if (now >= lookMs) {
      lookMs = now + watchMs;
      await attempt(context, "watch", parts.watch);
      await attempt(context, "updater", () => replaceSelf(context));
      if (context.over) return;
      await attempt(context, "secrets", parts.secrets);
      await attempt(context, "drain", parts.drain);
    }
    await attempt(context, "manager", parts.manage);
    await attempt(context, "status", parts.status);
    await attempt(context, "metrics", parts.metrics);
    parts.logs();
    await confirm(context);
    const pauseMs = context.trial || drains(context) ? probeMs : Math.max(0, lookMs - deps.clock.now());
    await deps.clock.sleep(pauseMs, context.stop);
  }
};

const drains = ({ state }: Context) => state.drain !== null && !state.drain.done;
