/** What a login may do and how long it lasts, as GitHub's own answers say it. Pure. */
import type { Ms } from "../../world.ts";

export interface Credential {
  /** A personal access token, or an App's installation token, which is renewed every hour by itself. */
  kind: "token" | "installation";
  /** Wall time; null: it never ends, or GitHub has not said. */
  expiresMs: Ms | null;
  /** Of a classic token; null: fine-grained, an App's, or GitHub has not said. */
  scopes: readonly string[] | null;
}

/** A person has to make the next token: time enough to find one. */
export const expiryWarningMs = 30 * 24 * 3_600_000;

/**
 * The headers that GitHub sends with every answer to a personal access token (docs, "Token expiration" and "Scopes for
 * OAuth apps"); an answer without them, such as one to a runner's registration, changes nothing.
 */
export function credentialSeen(known: Credential, headers: Pick<Headers, "get">): Credential {
  const ends = headers.get("github-authentication-token-expiration");
  const scopes = headers.get("x-oauth-scopes");
  const expiresMs = ends === null ? NaN : Date.parse(ends);
  return {
    ...known,
    ...(Number.isFinite(expiresMs) ? { expiresMs } : {}),
    ...(scopes === null ? {} : { scopes: scopes.split(",").flatMap((scope) => scope.trim() || []) }),
  };
}

const store = "pulumi config set --secret muster:githubToken";
const day = (ms: Ms) => new Date(ms).toISOString().slice(0, 10);

/** The sentence for a token whose time is over; null while it lasts. */
export function expired({ kind, expiresMs }: Credential, now: Ms): string | null {
  if (kind !== "token" || expiresMs === null || now < expiresMs) return null;
  return `githubToken expired on ${day(expiresMs)}: make another at GitHub and store it with \`${store}\`, then \`up\``;
}

/** The sentence for a token that ends within {@link expiryWarningMs}, or has ended; null otherwise. */
export function expiryWarning(credential: Credential, now: Ms): string | null {
  const over = expired(credential, now);
  const { kind, expiresMs } = credential;
  if (over !== null || kind !== "token" || expiresMs === null || expiresMs - now > expiryWarningMs)
    return over;
  const days = Math.floor((expiresMs - now) / 86_400_000);
  return (
    `githubToken expires on ${day(expiresMs)}, in ${days === 1 ? "1 day" : `${days} days`}: ` +
    `make another at GitHub and store it with \`${store}\`, then \`up\`: running jobs are not disturbed`
  );
}
