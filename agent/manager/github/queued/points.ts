/**
 * GitHub's secondary limit: 900 points in a minute, of which a read costs 1 and a write 5 (docs). Writes leave in the order
 * in which they came, as a burst while there is room, then as earlier ones grow a minute old: some 160 runners a minute.
 */
import type { Deps } from "../../deps.ts";
import type { Ms } from "../../world.ts";
import { GitHubError } from "../errors.ts";
import type { Timings } from "../timings.ts";

const windowMs = 60_000;
const writeCost = 5;

export interface Points {
  /** A read is never held up here: its reader keeps a pace of its own. */
  read(): void;
  /**
   * Resolves when the write may leave.
   * @throws GitHubError `throttled`, with the time, when that would take longer than `writeWaitMsMax`
   */
  write(what: string, signal: AbortSignal): Promise<void>;
}

export function makePoints(
  timings: Pick<Timings, "pointsPerMinute" | "writeWaitMsMax">,
  deps: Pick<Deps, "clock">,
): Points {
  let reads: Ms[] = [];
  /** When each leaves, the future ones included; never falling. */
  let writes: Ms[] = [];

  const forgetOld = (now: Ms) => {
    reads = reads.filter((ms) => ms > now - windowMs);
    writes = writes.filter((ms) => ms > now - windowMs);
  };
  /** The first moment at which the minute before it has room for one more. */
  const next = (now: Ms): Ms => {
    const most = Math.max(1, Math.floor((timings.pointsPerMinute - reads.length) / writeCost));
    const last = writes.at(-1) ?? now;
    const holder = writes.at(-most);
    return Math.max(now, last, holder === undefined ? 0 : holder + windowMs);
  };

  return {
    read: () => {
      const now = deps.clock.now();
      forgetOld(now);
      reads.push(now);
    },
    write: async (what, signal) => {
      const now = deps.clock.now();
      forgetOld(now);
      const atMs = next(now);
      const waitMs = atMs - now;
      if (waitMs > timings.writeWaitMsMax) {
        const why = `${what}: not sent, because GitHub allows some ${Math.floor(timings.pointsPerMinute / writeCost)} such calls a minute`;
        throw new GitHubError(why, { reason: "throttled", retryAfterMs: waitMs });
      }
      writes.push(atMs);
      if (waitMs === 0) return;
      try {
        await deps.clock.sleep(waitMs, signal);
      } catch (error) {
        const at = writes.indexOf(atMs);
        if (at >= 0) writes.splice(at, 1);
        throw error;
      }
    },
  };
}
