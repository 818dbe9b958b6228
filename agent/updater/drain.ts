/** Takes up drain orders and says what became of them. */
import { drainingKey, drainOrder } from "../manager-host.ts";
import * as z from "zod";
import { drainManager, tell } from "./ask.ts";
import { type Context, save, bounded } from "./context.ts";
import { NotWanted } from "./wanted.ts";

export const makeDrain = (context: Context) => {
  const { store, deps, options } = context;
  let etag: string | null = null;
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

  const order = async () => {
    const found = await bounded(context, options.limits.callMs, `reading ${drainingKey}`, (signal) =>
      store.text(drainingKey, etag, signal),
    );
    if (found === "same") return "same";
    if (found === "missing") {
      etag = null;
      return null;
    }
    const parsed = drainOrder.safeParse(JSON.parse(found.text));
    if (!parsed.success)
      throw new NotWanted(`${drainingKey} is no drain order:\n${z.prettifyError(parsed.error)}`);
    etag = found.etag;
    return parsed.data;
  };

  return async (): Promise<void> => {
    const found = await order();
    const { running } = context.state;
    if (found === null && context.state.drain) {
      if (running) await tell(running.config, "/control/undrain", "{}");
      deps.log("the drain order was taken back", { id: context.state.drain.id });
      following = null;
      await save(context, { drain: null });
    }
    if (found !== null && found !== "same" && found.id !== context.state.drain?.id) {
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
