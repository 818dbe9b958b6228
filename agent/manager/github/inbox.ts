/** What was read of a set's queue: the cursor, replays, and messages that nobody can read. */
import type { Statistics } from "../world.ts";
import { type GitHubError, unreadable } from "./errors.ts";
import type { Message } from "./messages.ts";
import type { Timings } from "./timings.ts";

export interface Taken {
  /** Already taken before: its news are known. */
  replay: boolean;
  /** The queue did not heed the cursor. */
  repeated: boolean;
  /** Set when it is given up unread. */
  problem: GitHubError | null;
}
export interface Inbox {
  cursor(): number;
  /** A new session reads from the beginning: whatever was not deleted comes again. */
  rewind(): void;
  /** Another set has other messages. */
  clear(): void;
  /** @throws GitHubError while an unreadable message may still be asked for again */
  take(message: Message): Taken;
}

export function makeInbox(set: string, timings: Timings): Inbox {
  let cursor = 0;
  const taken = new Set<number>();
  const tries = new Map<number, number>();
  return {
    cursor: () => cursor,
    rewind: () => (cursor = 0),
    clear: () => {
      cursor = 0;
      taken.clear();
      tries.clear();
    },
    take: ({ id, problem }) => {
      const replay = taken.has(id);
      const error = problem === null || replay ? null : unreadable(`message ${id} of ${set}`, problem);
      if (error) {
        const count = (tries.get(id) ?? 0) + 1;
        tries.set(id, count);
        if (count < timings.poisonTries) throw error;
        tries.delete(id);
      }
      taken.add(id);
      // The oldest goes first: a Set keeps the order in which it was filled.
      if (taken.size > timings.seenMax) taken.delete(taken.values().next().value!);
      const repeated = id <= cursor;
      cursor = Math.max(cursor, id);
      return { replay, repeated, problem: error };
    },
  };
}

export const noStatistics: Statistics = {
  available: 0,
  acquired: 0,
  assigned: 0,
  running: 0,
  registered: 0,
  busy: 0,
  idle: 0,
};
