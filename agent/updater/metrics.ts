/** What alarms look at, each minute: a machine that is silent raises them, too. */
import { hostMetrics } from "../manager-host.ts";
import { bounded, type Context } from "./context.ts";
import { statusOf } from "./status.ts";

export const makeMetrics = (context: Context) => {
  const { store, folder, deps, options } = context;
  let dueMs = -Infinity;
  return async (): Promise<void> => {
    const now = deps.clock.now();
    if (now < dueMs) return;
    const values = {
      [hostMetrics.heartbeat]: statusOf(context).healthy ? 1 : 0,
      [hostMetrics.dataUsed]: await folder.dataUsed(),
    };
    await bounded(context, options.limits.callMs, "telling CloudWatch", (signal) =>
      store.metrics(values, signal),
    );
    dueMs = now + options.limits.metricsMs;
  };
};
