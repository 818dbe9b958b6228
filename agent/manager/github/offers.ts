/** Jobs that GitHub Enterprise Server offers and that must be acquired; github.com assigns by itself and offers none. */
import type { Statistics } from "../world.ts";
import type { Service } from "./service.ts";
import type { Session } from "./session.ts";

export interface Offers {
  add(ids: readonly number[]): void;
  /** New figures count what was acquired before them. */
  counted(): void;
  /** Asks for what an earlier session left; their messages may be deleted already. */
  recall(service: Service, setId: number, statistics: Statistics, signal: AbortSignal): Promise<void>;
  /** Those that fit into the room which the last figures left. */
  fitting(room: number): readonly number[];
  /** @throws GitHubError; then they stay offered */
  acquire(session: Session, ids: readonly number[], signal: AbortSignal): Promise<void>;
  clear(): void;
}

export function makeOffers(): Offers {
  const waiting = new Set<number>();
  let acquired = 0;
  return {
    add: (ids) => ids.forEach((id) => waiting.add(id)),
    counted: () => (acquired = 0),
    recall: async (service, setId, statistics, signal) => {
      if (statistics.available === 0) return;
      // Not every GitHub has this list; where it is missing, messages bring what is offered.
      const ids = await service.acquirable(setId, signal).catch(() => []);
      ids.forEach((id) => waiting.add(id));
    },
    fitting: (room) => [...waiting].slice(0, Math.max(0, room - acquired)),
    acquire: async (session, ids, signal) => {
      const got = await session.acquire(ids, signal);
      // What was asked for and not given is somebody else's; without an answer nothing is to be acquired here.
      if (got === null) waiting.clear();
      ids.forEach((id) => waiting.delete(id));
      acquired += got?.length ?? 0;
    },
    clear: () => {
      waiting.clear();
      acquired = 0;
    },
  };
}
