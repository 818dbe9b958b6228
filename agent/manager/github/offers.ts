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
  /** Takes as many as fit. True: something was acquired. @throws GitHubError; then they stay offered */
  acquire(session: Session, room: number, signal: AbortSignal): Promise<boolean>;
  clear(): void;
}

export function makeOffers(): Offers {
  const waiting = new Set<number>();
  let since = 0;
  return {
    add: (ids) => ids.forEach((id) => waiting.add(id)),
    counted: () => (since = 0),
    recall: async (service, setId, statistics, signal) => {
      if (statistics.available === 0) return;
      // Not every GitHub has this list; where it is missing, messages bring what is offered.
      const ids = await service.acquirable(setId, signal).catch(() => []);
      ids.forEach((id) => waiting.add(id));
    },
    acquire: async (session, room, signal) => {
      const ids = [...waiting].slice(0, Math.max(0, room - since));
      if (ids.length === 0) return false;
      const got = await session.acquire(ids, signal);
      if (got === null) {
        waiting.clear();
        return false;
      }
      // What was asked for and not given is somebody else's.
      ids.forEach((id) => waiting.delete(id));
      since += got.length;
      return got.length > 0;
    },
    clear: () => {
      waiting.clear();
      since = 0;
    },
  };
}
