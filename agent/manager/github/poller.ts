/** One held poll at a time, given up and sent again when the pool can take more jobs than it said. */
import type { Deps } from "../deps.ts";
import type { Ms } from "../world.ts";
import type { Session } from "./session.ts";
import type { Timings } from "./timings.ts";

/** again: given up for another capacity; GitHub keeps what it was about to answer. */
export type Polled = { is: "message"; text: string } | { is: "nothing" } | { is: "again" };

export interface Poller {
  /** @throws SessionOver, GitHubError */
  poll(session: Session, lastMessageId: number, signal: AbortSignal): Promise<Polled>;
  /** The capacity may have risen. `always`: the held poll is given up in any case. */
  changed(always?: boolean): void;
}

export function makePoller(capacity: () => number, timings: Timings, deps: Deps): Poller {
  let held: { capacity: number; startedMs: Ms; give: () => void } | null = null;
  let cancelWait = () => {};
  return {
    poll: async (session, lastMessageId, signal) => {
      const controller = new AbortController();
      const own = { capacity: capacity(), startedMs: deps.clock.now(), give: () => controller.abort() };
      held = own;
      const forward = () => controller.abort(signal.reason);
      signal.addEventListener("abort", forward, { once: true });
      if (signal.aborted) forward();
      try {
        const text = await session.poll(lastMessageId, own.capacity, controller.signal);
        return text === null ? { is: "nothing" } : { is: "message", text };
      } catch (error) {
        if (controller.signal.aborted && !signal.aborted) return { is: "again" };
        throw error;
      } finally {
        held = null;
        cancelWait();
        signal.removeEventListener("abort", forward);
      }
    },
    changed: (always = false) => {
      const poll = held;
      if (!poll) return;
      const due = () => held === poll && (always || capacity() > poll.capacity);
      if (!due()) return;
      cancelWait();
      const waitMs = poll.startedMs + timings.reissueMsMin - deps.clock.now();
      if (waitMs <= 0) return poll.give();
      cancelWait = deps.clock.after(waitMs, () => {
        if (due()) poll.give();
      });
    },
  };
}
