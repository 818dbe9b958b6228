/** Logging in with a token: what is checked before it is stored. */
import type { Target } from "../../manager/github/url.ts";
import { visible } from "../../manager/web/visible.ts";
import { CliError } from "../errors.ts";
import type { SetupDeps } from "./deps.ts";
import { ask, type Answer } from "./rest.ts";
import { tokenRights } from "./rights.ts";

const dayMs = 24 * 3_600_000;
/** Within so many days an expiry is worth a warning. */
const soonDays = 30;

/** @throws CliError that never repeats what was given */
export const readToken = (text: string): string => {
  const token = text.trim();
  if (token === "") throw new CliError("the token is empty: nothing was stored.");
  if (token.includes("-----BEGIN"))
    throw new CliError("that is a private key, not a token: use --app-id ID --key-file FILE.");
  if (/[^\x21-\x7e]/.test(token))
    throw new CliError("the token must be one word: GitHub's begin with github_pat_ or ghp_.");
  if (token.startsWith("ghs_"))
    throw new CliError(
      "that is the token of an installation or of a job: it ends within hours. Use a personal access token, or the App itself.",
    );
  return token;
};

/** Where a token is made and revoked. */
export const tokenPage = (target: Target): string => `${new URL(target.url).origin}/settings/tokens`;

export interface CheckedToken {
  /** As GitHub says it: `2026-12-24 10:00:00 UTC`; null: none, or not told. */
  expires: string | null;
  warnings: string[];
}

/** `2026-12-24 10:00:00 UTC` or with an offset (`-0500`). */
const expiryMs = (text: string): number => Date.parse(text.replace(" UTC", "Z").replace(" ", "T"));

const readExpiry = (answer: Answer): string | null => {
  const text = answer.headers.get("github-authentication-token-expiration");
  return text === null ? null : visible(text, 60);
};

/**
 * Tries the token: it is known, it sees the target, and it gets a registration token, which is the manager's own
 * first call.
 * @throws CliError with what is missing, Unanswered
 */
export const checkToken = async (
  target: Target,
  token: string,
  { source, reruns }: { source: string | null; reruns: boolean },
  deps: SetupDeps,
): Promise<CheckedToken> => {
  const { fine, classic } = tokenRights(target.kind, source, reruns);
  const needs = fine === null ? `${classic} (classic)` : `${fine} (fine-grained) or ${classic} (classic)`;
  const make = `make one at ${tokenPage(target)}`;
  const judge = ({ status, message, headers }: Answer, what: string) => {
    const said = message === "" ? `status ${status}` : `status ${status}: ${message}`;
    if (status === 401)
      throw new CliError(
        `GitHub does not accept the token (${said}): it is mistyped, expired or revoked; ${make}.`,
      );
    const sso = /url=(\S+)/.exec(headers.get("x-github-sso") ?? "")?.[1];
    if (sso)
      throw new CliError(
        `the token is not authorised for the organisation's single sign-on: do so at ${visible(sso)}.`,
      );
    if (status === 404)
      throw new CliError(
        `the token cannot see ${target.url} (${said}): check the address, the owner that the token was made for, and its repositories.`,
      );
    if (status >= 300) throw new CliError(`the token may not ${what} (${said}): it needs ${needs}.`);
  };
  const seen = target.kind === "enterprise" ? null : await see(target, token, deps);
  if (seen) judge(seen, `see ${target.url}`);
  const registration = await ask(
    {
      what: "asking for a registration token",
      method: "POST",
      url: `${target.api}${target.path}/actions/runners/registration-token`,
      token,
    },
    deps,
  );
  // What it sees it does not find here when it lacks the right.
  if (registration.status === 404 && seen)
    throw new CliError(
      `the token sees ${target.url}, but may not register runners there: it needs ${needs}.`,
    );
  judge(registration, `register runners at ${target.url}`);
  if (source === "queued-runs" && target.kind === "repository") {
    const url = `${target.api}${target.path}/actions/runs?per_page=1`;
    judge(await ask({ what: "asking for runs", url, token }, deps), "read runs");
  }
  const expires = readExpiry(registration) ?? (seen && readExpiry(seen));
  return { expires, warnings: warningsOf(token, expires, registration, classic, deps) };
};

const see = (target: Target, token: string, deps: SetupDeps): Promise<Answer> =>
  ask({ what: `looking at ${target.url}`, url: `${target.api}${target.path}`, token }, deps);

const warningsOf = (
  token: string,
  expires: string | null,
  answer: Answer,
  classic: string,
  deps: SetupDeps,
): string[] => {
  const warnings: string[] = [];
  const leftMs = expires === null ? Infinity : expiryMs(expires) - deps.wallMs();
  if (expires !== null && leftMs < soonDays * dayMs)
    warnings.push(`the token ends on ${expires}: runners stop then, so store a new one before`);
  if (expires === null && token.startsWith("ghp_"))
    warnings.push("the token names no end: one that ends, or an App, is safer");
  const scopes = (answer.headers.get("x-oauth-scopes") ?? "").split(",").map((scope) => scope.trim());
  const more = scopes.filter((scope) => scope !== "" && !classic.split(" and ").includes(scope));
  if (more.length > 0)
    warnings.push(`the token also holds ${visible(more.join(", "))}, which muster does not need`);
  return warnings;
};
