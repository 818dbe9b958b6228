/** What goes wrong with calls, by the test's tables: everything holds from now on, for every region. */
import { Ec2Error, type Call } from "./query.ts";

export interface Fault {
  /** `InternalError`, `Unavailable`, `InvalidParameterValue` ... with the HTTP status that EC2 gives with it. */
  code: string;
  message?: string;
  /** How many calls; default all. */
  times?: number;
  /** How many go well before. */
  after?: number;
}

export interface Bucket {
  tokens: number;
  /** Of real time; default none: a test fills it by setting it anew. */
  refillPerSecond?: number;
}

/** Calls that wait for the test. */
export interface Hold {
  /** How many wait now. */
  held(): number;
  /** Lets them go, and all that come. */
  release(): void;
}

export interface Faults {
  deny(action: string): void;
  allow(action: string): void;
  fail(action: string, fault: Fault): void;
  throttle(action: string, bucket: Bucket): void;
  delay(action: string, ms: number): void;
  hold(action: string): Hold;
  loseAnswers(action: string, times: number): void;
  clear(): void;
  /** @throws Ec2Error `UnauthorizedOperation` where the action is denied */
  authorize(action: string, region: string): void;
  /** Before a call has an effect. @throws Ec2Error */
  admit(call: Call): Promise<void>;
  /** Whether the answer of a call that was done gets lost. */
  loses(action: string): boolean;
}

export const account = "123456789012";
/** Whoever calls; the stand-in knows one caller. */
export const caller = `arn:aws:sts::${account}:assumed-role/muster-test-manager/i-0123456789abcdef0`;

/** As EC2 words it, with the blob that only sts:DecodeAuthorizationMessage reads. */
const unauthorized = (action: string, region: string) =>
  new Ec2Error(
    "UnauthorizedOperation",
    `You are not authorized to perform this operation. User: ${caller} is not authorized to perform: ec2:${action} on resource: arn:aws:ec2:${region}:${account}:*/* because no identity-based policy allows the ec2:${action} action. Encoded authorization failure message: ${Buffer.from(`denied ${action}`).toString("base64url")}`,
  );

const messages: Readonly<Record<string, string>> = {
  InternalError: "An internal error has occurred",
  Unavailable: "The service is unavailable. Please try again shortly.",
  RequestLimitExceeded: "Request limit exceeded.",
};

export function makeFaults(): Faults {
  const denied = new Set<string>();
  const failing = new Map<string, Required<Omit<Fault, "message">> & { message: string }>();
  const buckets = new Map<string, { tokens: number; most: number; perMs: number; countedMs: number }>();
  const delays = new Map<string, number>();
  const holds = new Map<string, { wait: Promise<void>; enter: () => void; leave: () => void }>();
  const lost = new Map<string, number>();

  const pay = (action: string) => {
    const bucket = buckets.get(action);
    if (!bucket) return;
    const nowMs = performance.now();
    bucket.tokens = Math.min(bucket.most, bucket.tokens + (nowMs - bucket.countedMs) * bucket.perMs);
    bucket.countedMs = nowMs;
    if (bucket.tokens < 1) throw new Ec2Error("RequestLimitExceeded", messages["RequestLimitExceeded"]!);
    bucket.tokens -= 1;
  };
  const authorize: Faults["authorize"] = (action, region) => {
    if (denied.has(action)) throw unauthorized(action, region);
  };
  return {
    authorize,
    deny: (action) => void denied.add(action),
    allow: (action) => void denied.delete(action),
    fail: (action, { code, message = messages[code] ?? code, times = Infinity, after = 0 }) =>
      void failing.set(action, { code, message, times, after }),
    throttle: (action, { tokens, refillPerSecond = 0 }) =>
      void buckets.set(action, {
        ...{ tokens, most: tokens, perMs: refillPerSecond / 1_000, countedMs: performance.now() },
      }),
    delay: (action, ms) => void delays.set(action, ms),
    hold: (action) => {
      let count = 0;
      const { promise, resolve } = Promise.withResolvers<void>();
      holds.set(action, { wait: promise, enter: () => count++, leave: () => count-- });
      const release = () => (holds.delete(action), resolve());
      return { held: () => count, release };
    },
    loseAnswers: (action, times) => void lost.set(action, times),
    admit: async ({ action, region }) => {
      pay(action);
      authorize(action, region);
      const fault = failing.get(action);
      if (fault && fault.after-- <= 0) {
        if (--fault.times <= 0) failing.delete(action);
        throw new Ec2Error(fault.code, fault.message);
      }
      const hold = holds.get(action);
      if (hold) {
        hold.enter();
        await hold.wait;
        hold.leave();
      }
      const ms = delays.get(action) ?? 0;
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
    },
    loses: (action) => {
      const left = lost.get(action) ?? 0;
      lost.set(action, left - 1);
      return left > 0;
    },
    clear: () => {
      for (const map of [denied, failing, buckets, delays, lost]) map.clear();
      // Who still waits is never answered.
      holds.clear();
    },
  };
}
