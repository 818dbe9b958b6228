/** What GitHub refused or failed to do, in words that hold no secret, and what it means for the core. */
import type { Failure } from "../facts.ts";
import type { Ms, PoolName, Reason } from "../world.ts";
import { visible } from "../web/visible.ts";

interface Details {
  reason: Reason;
  /** Null when no answer came. */
  status?: number;
  /** .NET type of a scale set service's refusal, such as AgentExistsException. */
  type?: string;
  retryAfterMs?: Ms | null;
}

export class GitHubError extends Error {
  override readonly name: string = "GitHubError";
  readonly reason: Reason;
  readonly status: number | null;
  readonly type: string;
  readonly retryAfterMs: Ms | null;

  constructor(message: string, { reason, status, type = "", retryAfterMs = null }: Details) {
    super(message);
    this.reason = reason;
    this.status = status ?? null;
    this.type = type;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The message session is over at GitHub: a new one is needed. */
export class SessionOver extends GitHubError {
  override readonly name = "SessionOver";
}
/** Another session of the scale set is open, or GitHub has not noticed yet that its owner is gone. */
export class SessionConflict extends GitHubError {
  override readonly name = "SessionConflict";
}
/** The scale set is gone at GitHub: it must be made again. */
export class SetGone extends GitHubError {
  override readonly name = "SetGone";
}

/** What the core makes of any error of this folder. */
export function classify(error: unknown, pool: PoolName): Failure {
  const scope = { on: "github", key: pool } as const;
  if (error instanceof GitHubError)
    return { reason: error.reason, scope, detail: error.message, retryAfterMs: error.retryAfterMs };
  const detail = error instanceof Error ? error.message : String(error);
  // A caller's own time limit: nothing is known of the outcome.
  const late = /no answer within/.test(detail) || (error instanceof Error && error.name === "AbortError");
  return { reason: late ? "unavailable" : "unknown", scope, detail: tidy(detail), retryAfterMs: null };
}

/** True where a repeat may help: no answer came, or GitHub's side failed. */
export const isPassing = (error: unknown): boolean =>
  error instanceof GitHubError &&
  error.reason === "unavailable" &&
  error.status !== 501 &&
  !(error instanceof SessionOver);

export interface Refusal {
  /** What was asked, for people: `creating the scale set muster-dev-arm64`. */
  what: string;
  status: number;
  /** Where the status says too little. */
  reason?: Reason;
  /** As the answer words it. */
  message: string;
  type?: string;
  header: (name: string) => string | null;
  now: Ms;
  retryAfterMsMax: Ms;
  /** Values that must not be repeated, should the answer contain them. */
  secrets: readonly string[];
  /** What to do when the credentials do not suffice. */
  cure?: string;
}

/** An answer that is not a success, as an error. */
export function refused(refusal: Refusal): GitHubError {
  const { what, status, type = "", cure } = refusal;
  const reason = refusal.reason ?? reasonOf(refusal);
  const said = hide(refusal.message, refusal.secrets);
  const shortType = type.split(",")[0]!.split(".").at(-1)!;
  const words = [`${what}: GitHub answered ${status}`, shortType, said].filter((word) => word !== "");
  const advice = reason === "denied" && cure ? `. ${cure}` : "";
  return new GitHubError(tidy(words.join(" ")) + advice, {
    reason,
    status,
    type: shortType,
    retryAfterMs: retryAfter(refusal),
  });
}

function reasonOf({ status, message, header }: Refusal): Reason {
  if (status === 429) return "throttled";
  const limited = header("retry-after") !== null || header("x-ratelimit-remaining") === "0";
  if (status === 403 && (limited || /rate limit|abuse/i.test(message))) return "throttled";
  if (status === 401 || status === 403) return "denied";
  if (status >= 500 || status === 408) return "unavailable";
  return "bad-request";
}

/** Milliseconds that GitHub asks to wait: retry-after (seconds or a date), or the end of the rate limit's hour. */
function retryAfter({ header, now, retryAfterMsMax }: Refusal): Ms | null {
  const after = header("retry-after");
  const reset = header("x-ratelimit-remaining") === "0" ? header("x-ratelimit-reset") : null;
  const ms =
    after !== null
      ? /^\d+$/.test(after.trim())
        ? Number(after) * 1_000
        : Date.parse(after) - now
      : reset !== null
        ? Number(reset) * 1_000 - now
        : NaN;
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), retryAfterMsMax) : null;
}

/** No answer: a connection that failed, a time limit, an abort. */
export function unanswered(what: string, error: unknown, secrets: readonly string[]): GitHubError {
  const causes = [error, error instanceof Error ? error.cause : undefined];
  const words = causes.flatMap((cause) => (cause instanceof Error ? [cause.message] : [])).join(": ");
  // A time limit names what it was for by itself.
  const said = words.startsWith(what) ? words : `${what}: ${words || "no answer"}`;
  return new GitHubError(tidy(hide(said, secrets)), { reason: "unavailable" });
}

/** An answer that no version of the protocol explains. */
export const unreadable = (what: string, why: string): GitHubError =>
  new GitHubError(`${what}: GitHub's answer cannot be read: ${tidy(why)}`, { reason: "unavailable" });

const tokenLike = /\b(?:gh[a-z]_|github_pat_|eyJ)[\w.~+/=-]{8,}|-----BEGIN[^-]*PRIVATE KEY-----[\s\S]*/g;

/** The text without these values and without anything that looks like a token or a private key. */
export function hide(text: string, secrets: readonly string[]): string {
  const without = secrets
    .filter((secret) => secret.length >= 4)
    .reduce((rest, secret) => rest.replaceAll(secret, "[hidden]"), text);
  return without.replace(tokenLike, "[hidden]");
}

const tidy = (text: string) => visible(text.replace(/\s+/g, " ").trim(), 500);
