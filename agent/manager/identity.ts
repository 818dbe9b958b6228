/**
 * Who is who: one-time tokens for enrolling and sessions for syncing, both HMAC-SHA256 from the stack's key, so that a
 * restarted manager knows them again and the journal holds no secret.
 */
import { createHmac, timingSafeEqual } from "node:crypto";

export interface Identity {
  /** The token that a machine gets at its launch. */
  token(machine: string): string;
  isToken(machine: string, token: string): boolean;
  /** Bearer token of the machine's syncs. */
  session(machine: string): string;
  /** The machine a session names, or null when it is not ours. */
  machineOf(session: string): string | null;
}

/** @param key the stack's key, at least 32 bytes */
export function makeIdentity(key: Buffer): Identity {
  if (key.length < 32)
    throw new Error(`identity: the stack's key has ${key.length} bytes, at least 32 are needed`);
  const sign = (use: string, machine: string) =>
    createHmac("sha256", key).update(`muster ${use} v1\0${machine}`).digest("base64url");
  const equal = (a: string, b: string) => {
    const [left, right] = [Buffer.from(a), Buffer.from(b)];
    return left.length === right.length && timingSafeEqual(left, right);
  };
  return {
    token: (machine) => sign("enrol", machine),
    isToken: (machine, token) => equal(sign("enrol", machine), token),
    session: (machine) => `${Buffer.from(machine).toString("base64url")}.${sign("session", machine)}`,
    machineOf: (session) => {
      const [name, mac] = session.split(".");
      if (name === undefined || mac === undefined) return null;
      const machine = Buffer.from(name, "base64url").toString();
      return equal(sign("session", machine), mac) ? machine : null;
    },
  };
}
