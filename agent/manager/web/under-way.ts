/**
 * Large answers that somebody does not fetch stay in memory, also those that wait behind each other on one connection. So
 * only so many are under way at a time, of all and of one caller, and each only for so long.
 */
import type { HttpBindings } from "@hono/node-server";
import type { Deps } from "../deps.ts";
import { Refused } from "../errors.ts";

export interface UnderWayLimits {
  max: number;
  perCallerMax: number;
  /** Whoever has not fetched it by then is hung up on. */
  ms: number;
}

const retrySeconds = 2;

/** @returns begins an answer, which ends by itself; throws Refused 503 where there are enough */
export function makeUnderWay(
  { max, perCallerMax, ms }: UnderWayLimits,
  { clock }: Pick<Deps, "clock">,
): (http: HttpBindings, caller: string) => void {
  let all = 0;
  const perCaller = new Map<string, number>();
  return ({ incoming: { socket }, outgoing }, caller) => {
    const own = perCaller.get(caller) ?? 0;
    if (all >= max || own >= perCallerMax)
      throw new Refused(503, "busy", "Too many such answers are under way: come again.", retrySeconds);
    all += 1;
    perCaller.set(caller, own + 1);
    const cancel = clock.after(ms, () => socket.destroy());
    const over = () => {
      // An answer that waits behind another never hears of the end of its connection.
      outgoing.off("close", over);
      socket.off("close", over);
      cancel();
      all -= 1;
      const left = perCaller.get(caller)! - 1;
      if (left > 0) perCaller.set(caller, left);
      else perCaller.delete(caller);
    };
    outgoing.once("close", over);
    socket.once("close", over);
    if (socket.destroyed) over();
  };
}
