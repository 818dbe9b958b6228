/** Takes up drain orders and says what became of them. */
import { drainingKey, drainOrder, type DrainOrder, drainSecondsMax } from "../manager-host.ts";
import * as z from "zod";
import { drainManager, tell } from "./ask.ts";
import { type Context, save, bounded } from "./context.ts";
import { NotWanted } from "./wanted.ts";

export const makeDrain = (context: Context) => {
  const { store, deps, options } = context;
  let seen: { etag: string | null; order: DrainOrder; writtenMs: number } | null = null;
  /** The order that is being followed, by its id. */
  let following: string | null = null;

  const follow = async (id: string, pools: readonly string[] | null, untilMs: number) => {
    following = id;
    const change = async (change: { left: number; done: boolean }) => {
      const { drain } = context.state;
      if (drain?.id === id) await save(context, { drain: { ...drain, ...change } });
    };
    const timeoutSeconds = Math.max(0, Math.ceil((untilMs - deps.clock.now()) / 1_000));
    try {
      const left = await drainManager(
        context.state.running!.config,
        { timeoutSeconds, pools },
        (machines) => {
          change({ left: machines, done: false }).catch(() => {
            // The disk is full: the next figure, or the end, says it.
          });
        },
      );
      await change({ left, done: true });
      deps.log("drained", { id, left });
    } catch (error) {
      // Asked again at the next look: the draining itself is kept in the manager's journal.
      deps.log("the drain was not followed to its end", { id, problem: (error as Error).message });
      following = null;
    }
  };

  /** The order that counts. An old one does not: whoever wrote it was killed before it could take it back. */
  const order = async (): Promise<DrainOrder | null> => {
    const found = await bounded(context, options.limits.callMs, `reading ${drainingKey}`, (signal) =>
      store.text(drainingKey, seen?.etag ?? null, signal),
    );
    const now = deps.clock.now();
    if (found === "missing") seen = null;
    else if (found !== "same") {
      const parsed = drainOrder.safeParse(JSON.parse(found.text));
      if (!parsed.success)
        throw new NotWanted(`${drainingKey} is no drain order:\n${z.prettifyError(parsed.error)}`);
      const timeoutSeconds = Math.min(parsed.data.timeoutSeconds, drainSecondsMax);
      const order = { ...parsed.data, timeoutSeconds };
      seen = { etag: found.etag, order, writtenMs: Math.min(found.writtenMs ?? now, now) };
    }
    if (seen === null) return null;
    const ageMs = now - seen.writtenMs;
    return ageMs <= seen.order.timeoutSeconds * 1_000 + options.limits.drainSpareMs ? seen.order : null;
  };

  return async (): Promise<void> => {
    const found = await order();
    const { running } = context.state;
    if (found === null && context.state.drain) {
      if (running) await tell(running.config, "/control/undrain", "{}");
      const why = seen === null ? "was taken back" : "is void by its age";
      deps.log(`the drain order ${why}`, { id: context.state.drain.id });
      following = null;
      await save(context, { drain: null });
    }
    if (found !== null && found.id !== context.state.drain?.id) {
      const { id, pools, timeoutSeconds } = found;
      const untilMs = deps.clock.now() + timeoutSeconds * 1_000;
      deps.log("drain", { id, pools, timeoutSeconds });
      await save(context, { drain: { id, pools, untilMs, left: null, done: false } });
    }
    const { drain } = context.state;
    if (!drain || drain.done || following === drain.id || !running || !context.health) return;
    void follow(drain.id, drain.pools, drain.untilMs);
  };
};
