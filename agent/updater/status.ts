/** Tells the outside how the machine is. */
import { type HostStatus, statusKey } from "../manager-host.ts";
import { type Context, bounded } from "./context.ts";

export const statusOf = ({ state, health, problems }: Context): Omit<HostStatus, "at"> => {
  const said = [...problems].filter(([part]) => part !== "status").map(([, text]) => text);
  if (health && !health.ok) said.unshift(`the manager says: ${health.problem ?? "it is not well"}`);
  return {
    manager: state.running?.manager ?? null,
    healthy: health?.ok === true && health.managerBundle === state.running?.manager,
    refused: state.refused && { manager: state.refused.manager, reason: state.refused.reason },
    drain: state.drain && { id: state.drain.id, left: state.drain.left, done: state.drain.done },
    problem: said.length === 0 ? null : said.join("\n").slice(0, 4_000),
  };
};

/** Writes it after a change and every `statusMs`. */
export const makeStatus = (context: Context) => {
  const { store, deps, options } = context;
  let last = "";
  let dueMs = -Infinity;
  return async (): Promise<void> => {
    const status = statusOf(context);
    const text = JSON.stringify(status);
    const now = deps.clock.now();
    if (text === last && now < dueMs) return;
    const at = new Date(now).toISOString();
    await bounded(context, options.limits.callMs, `writing ${statusKey}`, (signal) =>
      store.put(statusKey, `${JSON.stringify({ at, ...status }, null, 2)}\n`, signal),
    );
    [last, dueMs] = [text, now + options.limits.statusMs];
  };
};
