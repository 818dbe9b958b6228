/** Who calls the REST API, and what they may do there. */
import { createPublicKey } from "node:crypto";
import { restRefusal } from "../core/errors.ts";
import { readClaims, verifyRs256 } from "../core/jwt.ts";
import type { Sim } from "../core/sim.ts";
import { sameName, type Repository, type Scope } from "../core/state.ts";
import type { Holders } from "../core/tokens.ts";
import type { App } from "../core/apps.ts";
import type { Permissions } from "../options.ts";
import { bearer, type Ctx } from "./http.ts";
import { countCall } from "./rate.ts";

export interface Caller {
  token: string;
  permissions: Permissions | "all";
  /** Only this owner's things exist for it; null: everything. */
  account: string | null;
}

const unauthorized = (why = "Bad credentials") => restRefusal(401, why);

/** A PAT or an installation token that is good now, and within its rate limit. */
export function caller(sim: Sim, c: Ctx): Caller {
  const token = bearer(c);
  if (token === "") throw unauthorized("Requires authentication");
  countCall(sim, c, token);
  const pat = sim.tokens.check("pat", token);
  if (pat.state === "good") {
    describeToken(c, pat.holder);
    return { token, permissions: pat.holder.permissions, account: null };
  }
  const installation = sim.tokens.check("installation", token);
  if (installation.state !== "good") throw unauthorized();
  return { token, ...installation.holder };
}

/** What GitHub says of a token with every answer: the scopes of a classic one, and when it ends. */
function describeToken(c: Ctx, { scopes, expiresMs }: Holders["pat"]): void {
  if (scopes) c.header("x-oauth-scopes", scopes.join(", "));
  if (expiresMs === undefined) return;
  // `2027-01-15 08:00:00 UTC`
  const [day, time] = new Date(expiresMs).toISOString().split(/[T.]/);
  c.header("github-authentication-token-expiration", `${day} ${time} UTC`);
}

function demand(who: Caller, permission: string, level: "read" | "write"): void {
  if (who.permissions === "all") return;
  const has = who.permissions[permission];
  if (has === "write" || has === level) return;
  throw restRefusal(403, "Resource not accessible by integration");
}

/** The scope in the path, for runners: repositories need Administration, organisations Self-hosted runners (docs). */
export function runnerScope(sim: Sim, c: Ctx, level: "read" | "write"): Scope {
  const who = caller(sim, c);
  const scope = pathScope(sim, c, who);
  demand(who, scope.repo === null ? "organization_self_hosted_runners" : "administration", level);
  return scope;
}

/** The repository in the path, for runs and jobs, or for its deployments. */
export function actionsRepository(
  sim: Sim,
  c: Ctx,
  level: "read" | "write",
  permission: "actions" | "deployments" = "actions",
): Repository {
  const who = caller(sim, c);
  const scope = pathScope(sim, c, who);
  demand(who, permission, level);
  return repositoryOf(sim, scope)!;
}

/** The repository or organisation that a path names, as it is spelled here; what a caller may not see is 404. */
export function pathScope(sim: Sim, c: Ctx, who: Caller | null): Scope {
  const owner = c.req.param("owner") ?? "";
  const name = c.req.param("repo") ?? null;
  const scope = knownScope(sim, { owner, repo: name });
  const hidden = who?.account != null && !sameName(who.account, owner);
  if (!scope || hidden) throw restRefusal(404, "Not Found");
  return scope;
}

export function knownScope(sim: Sim, wanted: Scope): Scope | null {
  const own = sim.state.repositories.filter(({ owner }) => sameName(owner, wanted.owner));
  const { repo } = wanted;
  if (repo === null) return own[0] ? { owner: own[0].owner, repo: null } : null;
  const found = own.find(({ name }) => sameName(name, repo));
  return found ? { owner: found.owner, repo: found.name } : null;
}

/** A personal account; every other is an organisation. */
export const isPerson = (sim: Sim, login: string): boolean =>
  sim.options.users.some((user) => sameName(user, login));

export const repositoryOf = (sim: Sim, { owner, repo }: Scope) =>
  sim.state.repositories.find(
    (known) => repo !== null && sameName(known.owner, owner) && sameName(known.name, repo),
  );

/** The App whose RS256 JWT this is: at most 10 minutes long, not from the future (docs; github.md 1.2). */
export function callingApp(sim: Sim, c: Ctx): App {
  const jwt = bearer(c);
  const issuer = String(readClaims(jwt)?.["iss"] ?? "");
  const app = sim.state.apps.find(({ id, clientId }) => issuer === String(id) || issuer === clientId);
  const claims = app && verifyRs256(jwt, createPublicKey(app.publicKey));
  if (!app || !claims) throw unauthorized("A JSON web token could not be decoded");
  const now = sim.clock.now() / 1000;
  const { iat, exp } = claims;
  if (typeof iat !== "number" || iat > now) {
    throw unauthorized(
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  if (typeof exp !== "number" || exp <= now) {
    throw unauthorized(
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > now + 600) throw unauthorized("'Expiration time' claim ('exp') is too far in the future");
  return app;
}
