/** Everything the simulator lets in or hands out: each secret is remembered, so that a test can look for leaks. */
import { randomBytes } from "node:crypto";
import type { Clock } from "../../../agent/manager/deps.ts";
import type { Permissions } from "../options.ts";
import { signHs256, type Claims } from "./jwt.ts";
import type { Scope } from "./state.ts";

/** Who or what each kind of token stands for. */
export interface Holders {
  pat: { permissions: Permissions | "all"; scopes?: readonly string[]; expiresMs?: number };
  installation: { installationId: number; account: string; permissions: Permissions };
  registration: { scope: Scope };
  remove: { scope: Scope };
  /** The admin JWT of the scale set service. */
  admin: { scope: Scope };
  /** The message queue token of a scale set's session. */
  queue: { setId: number; sessionId: string };
  /** A runner's own access token. */
  runner: { runnerId: number };
  /** ACTIONS_RUNTIME_TOKEN of a job. */
  runtime: { jobId: number };
  /** GITHUB_TOKEN of a job. */
  job: { jobId: number };
}
export type TokenKind = keyof Holders;

export interface Secret {
  kind: TokenKind | "jit-config" | "runner-key" | "signed-url" | "app-key";
  value: string;
  /** A part that occurs nowhere else: what a search for leaks looks for. */
  marker: string;
  issuedMs: number;
}

export type Checked<K extends TokenKind> =
  { state: "good"; holder: Holders[K] } | { state: "unknown" | "expired" | "revoked" };

interface Issued<K extends TokenKind = TokenKind> {
  kind: K;
  holder: Holders[K];
  expiresMs: number;
  revoked: boolean;
}

const plainPrefix: Partial<Record<TokenKind, string>> = {
  pat: "ghp_",
  registration: "AREG",
  remove: "AREM",
  job: "ghs_job",
};

/** A recognisable random part. */
export const marker = () => `simsecret${randomBytes(12).toString("hex")}`;

export class Tokens {
  readonly #clock: Clock;
  readonly #key = randomBytes(32);
  readonly #issued = new Map<string, Issued>();
  readonly secrets: Secret[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** JWTs carry a real `exp`, in seconds; `life` Infinity makes a token that never ends. */
  issue<K extends TokenKind>(kind: K, holder: Holders[K], lifeMs: number, claims: Claims = {}) {
    const now = this.#clock.now();
    const expiresMs = now + lifeMs;
    const prefix = plainPrefix[kind];
    const random = marker();
    const times = { iat: Math.floor(now / 1000), exp: Math.floor(expiresMs / 1000), jti: random };
    const jwt = () => signHs256({ ...claims, ...times }, this.#key);
    const value = prefix ? prefix + random : (kind === "installation" ? "ghs_" : "") + jwt();
    this.admit(kind, value, holder, expiresMs);
    this.remember(kind, value, prefix ? random : value.slice(value.lastIndexOf(".") + 1));
    return { value, expiresMs };
  }

  /** Lets a token in that somebody else made up. */
  admit<K extends TokenKind>(kind: K, value: string, holder: Holders[K], expiresMs = Infinity): void {
    this.#issued.set(value, { kind, holder, expiresMs, revoked: false });
  }

  remember(kind: Secret["kind"], value: string, part: string): void {
    this.secrets.push({ kind, value, marker: part, issuedMs: this.#clock.now() });
  }

  check<K extends TokenKind>(kind: K, value: string): Checked<K> {
    const issued = this.#issued.get(value);
    if (!issued || issued.kind !== kind) return { state: "unknown" };
    if (issued.revoked) return { state: "revoked" };
    if (this.#clock.now() >= issued.expiresMs) return { state: "expired" };
    return { state: "good", holder: (issued as Issued<K>).holder };
  }

  /** Whom a token stands for, good or not; null: never issued. */
  holder<K extends TokenKind>(kind: K, value: string): Holders[K] | null {
    const issued = this.#issued.get(value);
    return issued?.kind === kind ? (issued as Issued<K>).holder : null;
  }

  /** Makes tokens invalid that are good now; returns how many. */
  revoke<K extends TokenKind>(kind: K, which: (holder: Holders[K], value: string) => boolean = () => true) {
    let count = 0;
    for (const [value, issued] of this.#issued) {
      if (issued.kind !== kind || issued.revoked || !which((issued as Issued<K>).holder, value)) continue;
      issued.revoked = true;
      count += 1;
    }
    return count;
  }

  /** Those of one kind that are good now. */
  list<K extends TokenKind>(kind: K) {
    const now = this.#clock.now();
    return [...this.#issued.values()]
      .filter((issued) => issued.kind === kind && !issued.revoked && issued.expiresMs > now)
      .map((issued) => ({ holder: (issued as Issued<K>).holder, expiresMs: issued.expiresMs }));
  }
}
