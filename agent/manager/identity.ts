/**
 * Who is who: one-time tokens for enrolling and sessions for syncing, both HMAC-SHA256 from the stack's key, so that a
 * restarted manager knows them again and the journal holds no secret.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Whom a session was given to. */
export interface Holder {
  machine: string;
  /** The IP address that it enrolled from; empty where there was none (a Unix socket) or none counts. */
  address: string;
  /** Of a machine that always exists: when the start began in which it enrolled, as its cloud signed it. */
  sinceMs?: number;
}

export interface Identity {
  /** The token that a machine gets at its launch. */
  token(machine: string): string;
  isToken(machine: string, token: string): boolean;
  /** Bearer token of the machine's syncs. The address is signed with it, so that no restart forgets it. */
  session(machine: string, address?: string, sinceMs?: number): string;
  /** Whom a session was given to, or null when it is not ours. */
  holderOf(session: string): Holder | null;
}

/**
 * @param key the stack's key, at least 32 bytes
 * @param earlier keys that only what they signed before is believed under, while the CA is exchanged
 */
export function makeIdentity(key: Buffer, ...earlier: readonly Buffer[]): Identity {
  const [signing, ...before] = [key, ...earlier].map(withKey);
  const all = [signing!, ...before];
  return {
    ...signing!,
    isToken: (machine, token) => all.some((one) => one.isToken(machine, token)),
    holderOf: (session) => {
      for (const one of all) {
        const holder = one.holderOf(session);
        if (holder) return holder;
      }
      return null;
    },
  };
}

function withKey(key: Buffer): Identity {
  if (key.length < 32)
    throw new Error(`identity: the stack's key has ${key.length} bytes, at least 32 are needed`);
  const sign = (use: string, ...of: string[]) =>
    createHmac("sha256", key)
      .update([`muster ${use} v1`, ...of].join("\0"))
      .digest("base64url");
  const equal = (a: string, b: string) => {
    const [left, right] = [Buffer.from(a), Buffer.from(b)];
    return left.length === right.length && timingSafeEqual(left, right);
  };
  // Uses of their own, so that no name of a machine can be read as one with an address or a time.
  const mac = ({ machine, address, sinceMs }: Holder) => {
    if (sinceMs !== undefined) return sign("session since", machine, address, String(sinceMs));
    return address === "" ? sign("session", machine) : sign("session from", machine, address);
  };
  return {
    token: (machine) => sign("enrol", machine),
    isToken: (machine, token) => equal(sign("enrol", machine), token),
    session: (machine, address = "", sinceMs) => {
      const parts =
        sinceMs !== undefined
          ? [machine, address, String(sinceMs)]
          : address === ""
            ? [machine]
            : [machine, address];
      const holder = { machine, address, ...(sinceMs !== undefined && { sinceMs }) };
      return [...parts.map(encoded), mac(holder)].join(".");
    },
    holderOf: (session) => {
      const parts = session.split(".");
      const given = parts.pop();
      const [machine, address = "", since] = parts.map((part) => Buffer.from(part, "base64url").toString());
      if (given === undefined || machine === undefined || parts.length > 3) return null;
      const holder = { machine, address, ...(since !== undefined && { sinceMs: Number(since) }) };
      return equal(mac(holder), given) ? holder : null;
    },
  };
}

const encoded = (text: string) => Buffer.from(text).toString("base64url");
