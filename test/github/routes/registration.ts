/** From a REST token to the scale set service: registration token, then admin JWT (github.md 1.2). */
import { restRefusal } from "../core/errors.ts";
import type { Sim } from "../core/sim.ts";
import { sameScope, type Scope } from "../core/state.ts";
import { isoSeconds } from "./app.ts";
import { knownScope, runnerScope } from "./auth.ts";
import { body, text, type Ctx, type Handlers } from "./http.ts";

/**
 * `{origin}/_services/pipelines`: with a slash at the end in ghes style, as the legacy service has it, without on
 * github.com. The path must be kept when joining.
 */
export const serviceUrl = (sim: Sim) =>
  `${sim.origin}/_services/pipelines${sim.options.style === "ghes" ? "/" : ""}`;

function runnerToken(kind: "registration" | "remove") {
  return (sim: Sim, c: Ctx) => {
    const scope = runnerScope(sim, c, "write");
    const { value, expiresMs } = sim.tokens.issue(kind, { scope }, sim.options.timings.registrationTokenMs);
    return c.json({ token: value, expires_at: isoSeconds(expiresMs) }, 201);
  };
}

/** One path segment is an organisation, two are a repository (github.md 1.1). */
export function scopeOfUrl(sim: Sim, url: string): Scope | null {
  const parts = URL.parse(url)?.pathname.split("/").filter(Boolean) ?? [];
  if (parts.length < 1 || parts.length > 2) return null;
  return knownScope(sim, { owner: parts[0]!, repo: parts[1] ?? null });
}

async function runnerRegistration(sim: Sim, c: Ctx) {
  const { url, runner_event: event } = await body(c);
  const token = /^RemoteAuth\s+(.+)$/.exec(c.req.header("authorization") ?? "")?.[1] ?? "";
  const checked = sim.tokens.check(event === "remove" ? "remove" : "registration", token);
  if (checked.state !== "good") throw restRefusal(401, "Invalid or expired registration token.");
  const scope = scopeOfUrl(sim, text(url));
  if (!scope || !sameScope(scope, checked.holder.scope)) throw restRefusal(404, "Not Found");
  const admin = sim.tokens.issue("admin", { scope }, sim.options.timings.adminTokenMs, {
    scp: "manage_runners",
  });
  return c.json({
    url: serviceUrl(sim),
    token: admin.value,
    token_schema: "OAuthAccessToken",
    use_v2_flow: true,
  });
}

export const registrationHandlers = {
  "rest.registration-token": runnerToken("registration"),
  "rest.remove-token": runnerToken("remove"),
  "rest.runner-registration": runnerRegistration,
} satisfies Partial<Handlers>;
