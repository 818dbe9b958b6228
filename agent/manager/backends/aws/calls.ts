/** Every call to EC2: within the region's budget, within its time, and with an error that says which call it was. */
import { deadline, type Clock } from "../../deps.ts";
import { makeBudget, type Budget } from "./budget.ts";
import { awsLimits } from "./limits.ts";
import type { Ec2 } from "./sdk.ts";

export type Kind = keyof typeof awsLimits.callTimeoutMs;

/** What the SDK's and the system's errors carry. */
type Cause = Error & { code?: unknown; $metadata?: { httpStatusCode?: number } };

/** A call that failed; `code` is EC2's own, or the SDK's or the system's name for what happened. */
export class CallFailed extends Error {
  override readonly name = "CallFailed";
  readonly region: string;
  readonly action: string;
  readonly code: string;
  /** Null: there was no answer. */
  readonly status: number | null;
  /** False: it never left, so that it had no effect. */
  readonly sent: boolean;
  /** What the other side said, without what is ours. */
  readonly said: string;

  constructor(call: { region: string; action: string }, sent: boolean, cause: Cause) {
    const status = cause.$metadata?.httpStatusCode ?? null;
    const code = status === null && typeof cause.code === "string" ? cause.code : cause.name;
    super(`${call.action} in ${call.region}: ${code}: ${cause.message}`, { cause });
    this.region = call.region;
    this.action = call.action;
    this.code = code;
    this.status = status;
    this.sent = sent;
    this.said = cause.message;
  }
}

/** Nobody answered in time, or whoever asked has given up. */
export const noAnswer = "NoAnswer";

export interface Calls {
  /** @throws CallFailed */
  make<T>(
    call: { region: string; action: string; kind: Kind },
    signal: AbortSignal,
    send: (ec2: Ec2, signal: AbortSignal) => Promise<T>,
  ): Promise<T>;
}

export function makeCalls(connect: (region: string) => Ec2, clock: Clock): Calls {
  const regions = new Map<string, { ec2: Ec2; reading: Budget; changing: Budget }>();
  const at = (region: string) => {
    let known = regions.get(region);
    if (!known) {
      const { reading, changing } = awsLimits.calls;
      known = {
        ec2: connect(region),
        reading: makeBudget(reading, clock),
        changing: makeBudget(changing, clock),
      };
      regions.set(region, known);
    }
    return known;
  };
  return {
    make: async ({ region, action, kind }, signal, send) => {
      const { ec2, reading, changing } = at(region);
      const limit = deadline(clock, awsLimits.callTimeoutMs[kind], `${action} in ${region}`, signal);
      let sent = false;
      try {
        await (kind === "read" ? reading : changing).take(kind === "end", limit.signal);
        sent = true;
        return await send(ec2, limit.signal);
      } catch (error) {
        const given = limit.signal.aborted;
        const cause = given
          ? Object.assign(new Error((limit.signal.reason as Error).message), { name: noAnswer })
          : (error as Cause);
        throw new CallFailed({ region, action }, sent, cause);
      } finally {
        limit.done();
      }
    },
  };
}
