/** Logging in to GitHub's REST API, with a token or as a GitHub App. */
import { createAppAuth } from "@octokit/auth-app";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";
import { Octokit } from "@octokit/rest";
import type { ManagerConfig, ManagerSecrets } from "../../manager-config.ts";
import { deadline, type Deps } from "../deps.ts";
import { bodyOf } from "./body.ts";
import { GitHubError, hide, refused, unanswered } from "./errors.ts";
import { type Credential, credentialSeen, expired } from "./access/credential.ts";
import { orAborted } from "./pauses.ts";
import type { Timings } from "./timings.ts";
import type { Target } from "./url.ts";

export interface RestCall {
  what: string;
  /** `POST /orgs/acme/actions/runners/registration-token` */
  route: string;
  body?: Record<string, unknown>;
  /** Sent as If-None-Match: an unchanged answer is 304 without data and costs no quota. */
  etag?: string;
  /** Not repeated in here when its answer was lost. */
  once?: boolean;
  /** Instead of the login; the value is kept out of errors. */
  authorization?: { scheme: string; token: string };
}
export interface RestAnswer {
  /** 2xx, or 304 where an etag was sent. */
  status: number;
  data: unknown;
  header: (name: string) => string | null;
}
export interface Rest {
  /** What GitHub's answers said of the login so far. */
  credential(): Credential;
  /** The answer's data. @throws GitHubError */
  call(call: RestCall, signal: AbortSignal): Promise<unknown>;
  /** The same with status and headers. @throws GitHubError */
  ask(call: RestCall, signal: AbortSignal): Promise<RestAnswer>;
}
/** What a login is for; an App's token gets the rights for that and no more. */
export type Purpose = "runners" | "runners and runs" | "re-runs" | "deployments";

const RestClient = Octokit.plugin(retry, throttling);
type Throttle = NonNullable<NonNullable<ConstructorParameters<typeof RestClient>[0]>["throttle"]>;
type Pacing = NonNullable<Throttle["write"]>;

/**
 * The plugin spaces writes by a second, which would double the time to the first poll for nothing: the two writes of a
 * scale set's login happen every quarter of an hour, and registrations by REST keep their own pace (queued/points.ts).
 * A Bottleneck group, as far as the plugin uses it.
 */
const unpaced = {
  key: () => ({ schedule: (_options: unknown, call: () => Promise<unknown>) => call() }),
} as unknown as Pacing;

const noLines = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Rights of an installation token: what registering and removing runners needs, and what else each purpose does. */
const runners = {
  organization: { organization_self_hosted_runners: "write" },
  repository: { administration: "write" },
} as const;
const rights = (kind: keyof typeof runners, purpose: Purpose) =>
  ({
    runners: runners[kind],
    "runners and runs": { ...runners[kind], actions: "read", metadata: "read" },
    "re-runs": { actions: "write", metadata: "read" },
    deployments: { deployments: "read", metadata: "read" },
  })[purpose];

export function makeLogin(
  target: Target,
  login: ManagerConfig["github"]["login"],
  secrets: ManagerSecrets,
  timings: Timings,
  deps: Deps,
  purpose: Purpose = "runners",
): Rest {
  let credential: Credential = {
    kind: login.kind === "app" ? "installation" : "token",
    expiresMs: null,
    scopes: null,
  };
  const seen = (headers: Headers) => {
    if (login.kind === "token") credential = credentialSeen(credential, headers);
  };
  const fetch = timedFetch(timings, deps, seen);
  const octokit = new RestClient({
    baseUrl: target.api,
    userAgent: "muster",
    request: { fetch },
    // Callers say what failed, once for each change and not once for each call.
    log: noLines,
    retry: {
      retries: timings.attempts - 1,
      retryAfterBaseValue: timings.retryFirstMs,
      doNotRetry: [400, 401, 403, 404, 409, 410, 422, 429, 451],
    },
    // A limit is not waited for in here: the pool that hit it waits, and says so.
    throttle: { write: unpaced, onRateLimit: () => {}, onSecondaryRateLimit: () => {} },
  });
  const lasts = (expiresMs: number) => (credential = { ...credential, expiresMs });
  const token = tokenSource(target, login, secrets, octokit, purpose, lasts);
  const cure = () => expired(credential, deps.clock.now()) ?? cureFor(target, login, purpose);
  const hidden = Object.values(secrets).flatMap((value) =>
    value === undefined ? [] : [value, value.trim()],
  );

  const once = async (call: RestCall, renew: boolean): Promise<RestAnswer> => {
    const known = [...hidden];
    try {
      const { scheme, token: value } = call.authorization ?? { scheme: "Bearer", token: await token(renew) };
      known.push(value);
      const headers = {
        authorization: `${scheme} ${value}`,
        ...(call.etag === undefined ? {} : { "if-none-match": call.etag }),
      };
      const answer = await octokit.request(call.route, {
        ...(call.body ? { data: call.body } : {}),
        ...(call.once ? { request: { retries: 0 } } : {}),
        headers,
      });
      return answerOf(answer);
    } catch (error) {
      const { status, response } = error as { status?: number; response?: Answered };
      if (status === 304 && response && call.etag !== undefined) return answerOf(response);
      throw asGitHubError(error, call.what, known, cure(), timings, deps);
    }
  };
  const ask = async (wanted: RestCall) => {
    try {
      return await once(wanted, false);
    } catch (error) {
      // An installation token may end before its hour (suspended, rights changed): a new one is asked for once.
      const spent = login.kind === "app" && !wanted.authorization && (error as GitHubError).status === 401;
      if (!spent) throw error;
      return once(wanted, true);
    }
  };
  return {
    ask: (wanted, signal) => orAborted(ask(wanted), signal),
    call: async (wanted, signal) => (await orAborted(ask(wanted), signal)).data,
    credential: () => credential,
  };
}

interface Answered {
  status: number;
  data: unknown;
  headers: Record<string, string | number | undefined>;
}
const answerOf = ({ status, data, headers }: Answered): RestAnswer => ({
  status,
  data,
  header: (name) => (headers[name] === undefined ? null : String(headers[name])),
});

/** Gives the bearer token of REST calls; `renew`: one that was not refused before. */
function tokenSource(
  target: Target,
  login: ManagerConfig["github"]["login"],
  secrets: ManagerSecrets,
  octokit: Octokit,
  purpose: Purpose,
  lasts: (expiresMs: number) => void,
): (renew: boolean) => Promise<string> {
  const denied = (message: string) => new GitHubError(message, { reason: "denied" });
  if (login.kind === "token") {
    const githubToken = secrets.githubToken?.trim();
    return () =>
      githubToken === undefined
        ? Promise.reject(
            denied("there is no githubToken: set it with `pulumi config set --secret muster:githubToken`"),
          )
        : Promise.resolve(githubToken);
  }
  if (target.kind === "enterprise") {
    const why = `${target.url}: an App cannot register an enterprise's runners; log in with a classic token that has manage_runners:enterprise`;
    return () => Promise.reject(denied(why));
  }
  const { githubAppKey } = secrets;
  if (githubAppKey === undefined) {
    const why = "there is no githubAppKey: set it with `pulumi config set --secret muster:githubAppKey`";
    return () => Promise.reject(denied(why));
  }
  const app = createAppAuth({
    appId: login.appId,
    privateKey: githubAppKey,
    installationId: login.installationId,
    request: octokit.request,
    log: noLines,
  });
  const wanted = {
    type: "installation" as const,
    permissions: rights(target.kind, purpose),
    ...(target.repository === null ? {} : { repositoryNames: [target.repository] }),
  };
  return async (refresh) => {
    const { token, expiresAt } = await app({ ...wanted, refresh });
    lasts(Date.parse(expiresAt));
    return token;
  };
}

function cureFor(target: Target, login: ManagerConfig["github"]["login"], purpose: Purpose): string {
  const needed = neededFor(target, purpose);
  return login.kind === "app"
    ? `Check that the App ${login.appId} is installed (${login.installationId}) for ${target.url} with "${needed[0]}", and its key githubAppKey`
    : `Check that githubToken is valid, may see ${target.url} and has ${needed[0] ? `"${needed[0]}" (fine-grained) or ` : ""}${needed[1]} (classic)`;
}

function neededFor({ kind }: Target, purpose: Purpose): readonly [fine: string, classic: string] {
  if (purpose === "re-runs") return ["Actions: read and write", "repo"];
  if (purpose === "deployments") return ["Deployments: read", "repo"];
  const and = purpose === "runners" ? "" : '" and, to read queued runs, "Actions: read';
  return {
    organization: [
      `Self-hosted runners: read and write${and}`,
      and === "" ? "admin:org" : "admin:org and repo",
    ],
    repository: [`Administration: read and write${and}`, "repo"],
    enterprise: ["", "manage_runners:enterprise"],
  }[kind] as [string, string];
}

function asGitHubError(
  error: unknown,
  what: string,
  secrets: readonly string[],
  cure: string,
  timings: Timings,
  deps: Deps,
): GitHubError {
  if (error instanceof GitHubError) return error;
  const { status, response, message } = error as {
    status?: number;
    response?: { headers: Record<string, string | undefined>; status: number };
    message?: string;
  };
  if (!response) {
    // Nothing was sent: a private key that cannot sign.
    if (status === undefined) {
      const why = `${what}: no login can be made of what was given (is githubAppKey an RSA private key in PEM?)`;
      return new GitHubError(`${why}: ${hide(message ?? "", secrets)}`, { reason: "denied" });
    }
    return unanswered(what, error, secrets);
  }
  return refused({
    what,
    status: response.status,
    // 404 is how GitHub says that this login may not see the place.
    ...(response.status === 404 || isUngranted(response.status, message) ? { reason: "denied" } : {}),
    message: message ?? "",
    header: (name) => response.headers[name] ?? null,
    now: deps.clock.now(),
    retryAfterMsMax: timings.retryAfterMsMax,
    secrets,
    cure,
  });
}

/** How GitHub answers an App that asks its token for a right which its installation does not have. */
const isUngranted = (status: number, message = "") =>
  status === 422 && /permissions requested are not granted/i.test(message);

/** One attempt has a time limit of its own, body included. */
function timedFetch(timings: Timings, deps: Deps, seen: (headers: Headers) => void): typeof fetch {
  return async (input, init) => {
    const limit = deadline(
      deps.clock,
      timings.callTimeoutMs,
      "asking GitHub's REST API",
      init?.signal ?? undefined,
    );
    try {
      const response = await deps.fetch(input, { ...init, signal: limit.signal });
      const { status, headers } = response;
      seen(headers);
      const bytes = await bodyOf(response);
      const none = status === 204 || status === 205 || status === 304;
      return new Response(none ? null : bytes, { status, headers });
    } finally {
      limit.done();
    }
  };
}
