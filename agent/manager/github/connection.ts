/**
 * The way to the scale set service: registration token -> runner registration -> address and admin token (github.md 1.2,
 * from the official client actions/scaleset).
 */
import * as z from "zod";
import type { Deps } from "../deps.ts";
import type { Ms } from "../world.ts";
import { GitHubError, unreadable } from "./errors.ts";
import type { Rest } from "./login.ts";
import { orAborted, pauseMs } from "./pauses.ts";
import type { Timings } from "./timings.ts";
import type { Target } from "./url.ts";

export interface Admin {
  /** Base of the scale set service; its path prefix belongs to every call. */
  url: string;
  token: string;
}
export interface Connection {
  /** Valid for at least a minute more; asked for once, however many ask. @throws GitHubError */
  admin(signal: AbortSignal): Promise<Admin>;
  /** The service answered 401 to this token: the next call gets another. */
  spoiled(token: string): void;
}

const registrationToken = z.object({ token: z.string().min(1) });
const registration = z.object({ url: z.url(), token: z.string().min(1) });

export function makeConnection(rest: Rest, target: Target, timings: Timings, deps: Deps): Connection {
  let known: { admin: Admin; untilMs: Ms } | null = null;
  let renewing: Promise<Admin> | null = null;

  const renew = async (): Promise<Admin> => {
    const admin = await register(rest, target, timings, deps);
    const now = deps.clock.now();
    const expiresMs = expiryOf(admin.token) ?? now + timings.adminLifeMs;
    // A clock that runs ahead of GitHub's would find every new token old: then it is used for a minute all the same.
    known = { admin, untilMs: Math.max(expiresMs - timings.adminSpareMs, now + timings.adminSpareMs) };
    return admin;
  };
  return {
    admin: (signal) => {
      if (known && deps.clock.now() < known.untilMs) return Promise.resolve(known.admin);
      renewing ??= renew().finally(() => (renewing = null));
      return orAborted(renewing, signal);
    },
    spoiled: (token) => {
      if (known?.admin.token === token) known = null;
    },
  };
}

async function register(rest: Rest, target: Target, timings: Timings, deps: Deps): Promise<Admin> {
  // Shared by all who wait for it, so no single caller's abort ends it; each attempt has its own time limit.
  const { signal } = new AbortController();
  const asked = registrationToken.safeParse(
    await rest.call(
      {
        what: `asking for a registration token of ${target.url}`,
        route: `POST ${target.path}/actions/runners/registration-token`,
      },
      signal,
    ),
  );
  if (!asked.success) throw unreadable("asking for a registration token", "it holds no token");
  const what = `registering at ${target.url}`;
  for (let failures = 1; ; failures += 1) {
    try {
      const answer = await rest.call(
        {
          what,
          route: "POST /actions/runner-registration",
          body: { url: target.url, runner_event: "register" },
          authorization: { scheme: "RemoteAuth", token: asked.data.token },
        },
        signal,
      );
      const made = registration.safeParse(answer);
      if (!made.success) throw unreadable(what, "it holds no address and token");
      return made.data;
    } catch (error) {
      // A fresh token is not known everywhere at once; the official client repeats these two as well.
      const fresh = error instanceof GitHubError && (error.status === 401 || error.status === 403);
      if (!fresh || failures >= timings.attempts) throw error;
      await deps.clock.sleep(pauseMs(failures, timings.retryFirstMs, timings.retryMsMax, deps.random));
    }
  }
}

/** `exp` of a JWT in milliseconds, unverified: only GitHub can verify it. Null when it cannot be read. */
export function expiryOf(jwt: string): Ms | null {
  try {
    const claims = JSON.parse(Buffer.from(jwt.split(".")[1] ?? "", "base64url").toString("utf8")) as unknown;
    const { exp } = z.object({ exp: z.number() }).parse(claims);
    return exp * 1_000;
  } catch {
    return null;
  }
}
