/** GitHub as this stack meets it: the way there, the clock, login, rights, labels, limits, runner version. */
import * as z from "zod";
import { connectMsMax, connectSentence, connectTimes } from "../../connect-time.ts";
import { deadline } from "../../manager/deps.ts";
import { inspectPlace, type Finding as Inspection } from "../../manager/github/access/inspect.ts";
import { makeLogin, type Purpose, type Rest } from "../../manager/github/login.ts";
import { defaultTimings } from "../../manager/github/timings.ts";
import { parseTarget, type Target } from "../../manager/github/url.ts";
import type { Facts } from "./facts.ts";
import { blocker, type CheckId, type Finding, ok, warning } from "./finding.ts";

/** The doctor does not wait as long as a manager would. */
const timings = { ...defaultTimings, callTimeoutMs: 8_000, attempts: 2 };

const targetOf = async (facts: Facts): Promise<Target> => parseTarget((await facts.place()).github.url);

const restOf = async (facts: Facts, target: Target, purpose?: Purpose): Promise<Rest> => {
  const [{ github }, secrets] = await Promise.all([facts.place(), facts.secrets()]);
  return makeLogin(target, github.login, secrets, timings, facts.deps.manager, purpose);
};

/** Where runners of github.com get their jobs (docs, "Communication requirements for GitHub.com"). */
const brokers = [
  "https://broker.actions.githubusercontent.com",
  "https://results-receiver.actions.githubusercontent.com",
];

const network =
  "look at this computer's network, DNS and proxy (NODE_USE_ENV_PROXY=1 makes Node follow HTTPS_PROXY)";

export const reachCheck = async (facts: Facts, signal: AbortSignal): Promise<Finding[]> => {
  const target = await targetOf(facts);
  const isHosted = new URL(target.url).hostname.replace(/^www\./, "") === "github.com";
  const urls = [target.api, target.url, ...(isHosted ? brokers : [])];
  const { manager, env } = facts.deps;
  const times = await connectTimes(urls, { signal }, { clock: manager.clock, env });
  return times.map((time) => {
    const said = connectSentence(time);
    if (time.ms === null) return blocker("github-reach", said, network);
    if (time.ms > connectMsMax)
      return warning(
        "github-reach",
        said,
        "run the manager nearer to GitHub, or look for a slow proxy or VPN on the way",
      );
    return ok("github-reach", said);
  });
};

const skewWarningMs = 30_000;
/** GitHub refuses an App's token that is dated ahead, and one that lives longer than ten minutes. */
const skewBlockerMs = 5 * 60_000;

export const clockCheck = async (facts: Facts, signal: AbortSignal): Promise<Finding[]> => {
  const { api } = await targetOf(facts);
  const { clock, fetch } = facts.deps.manager;
  const limit = deadline(clock, timings.callTimeoutMs, "asking GitHub for its time", signal);
  const askedMs = clock.now();
  const answer = await fetch(`${api}/`, { redirect: "manual", signal: limit.signal }).finally(limit.done);
  await answer.body?.cancel();
  // The header has whole seconds: on average it is half a second behind.
  const theirsMs = Date.parse(answer.headers.get("date") ?? "") + 500;
  if (!Number.isFinite(theirsMs))
    return [
      warning(
        "clock",
        `${new URL(api).host} does not say what time it is`,
        "is something else in its place?",
      ),
    ];
  const aheadMs = (askedMs + clock.now()) / 2 - theirsMs;
  const offSeconds = Math.round(Math.abs(aheadMs) / 1000);
  const said = `this computer's clock is ${offSeconds} s ${aheadMs > 0 ? "ahead of" : "behind"} GitHub's`;
  const cure = "sudo timedatectl set-ntp true";
  if (Math.abs(aheadMs) > skewBlockerMs)
    return [blocker("clock", `${said}: GitHub refuses an App's login`, cure)];
  if (Math.abs(aheadMs) > skewWarningMs)
    return [warning("clock", `${said}: times of jobs are wrong by as much`, cure)];
  return [ok("clock", offSeconds <= 1 ? "as GitHub's" : said)];
};

const idOf = (what: string): CheckId => {
  if (what === "login") return "github-login";
  if (what === "token") return "token-expiry";
  if (what.endsWith(": runner group")) return "runner-group";
  if (what.endsWith(": public repositories")) return "public-repositories";
  return what.startsWith("pool ") ? "labels" : "github-rights";
};

/** The very calls of a manager: a registration token, a registration, groups, repositories, scale sets, runners. */
export const accessCheck = async (facts: Facts, signal: AbortSignal): Promise<Finding[]> => {
  const [place, secrets] = await Promise.all([facts.place(), facts.secrets()]);
  const { manager } = facts.deps;
  const found = await inspectPlace(place, secrets, manager, signal, timings);
  const runs = await runsFindings(facts, signal);
  const login = found.find(({ what }) => what === "login");
  const rights = found.filter(({ what }) => idOf(what) === "github-rights");
  const said = found.map((one) => toFinding(one, facts.stack));
  return login?.level === "ok" && rights.length === 0 && runs.length === 0
    ? [...said, ok("github-rights", "every call of the manager is allowed")]
    : [...said, ...(login?.level === "ok" ? runs : [])];
};

/** A stack that reads queued runs needs one right more. Of an organisation the manager asks each repository by itself. */
const runsFindings = async (facts: Facts, signal: AbortSignal): Promise<Finding[]> => {
  const { github } = await facts.place();
  const target = await targetOf(facts);
  if (github.source !== "queued-runs" || target.repository === null) return [];
  // An App's token has only the rights that were asked for with it.
  const rest = await restOf(facts, target, "runners and runs");
  const route = `GET ${target.path}/actions/runs?per_page=1`;
  return rest.call({ what: "reading workflow runs", route }, signal).then(
    () => [],
    (error: Error) => [
      blocker(
        "github-rights",
        `queued runs cannot be read: ${error.message}`,
        `give the login "Actions: read", or take scale sets: npm run pulumi -- config set --path muster:github.source scale-sets -s ${facts.stack}`,
      ),
    ],
  );
};

const toFinding = ({ what, level, detail, cure }: Inspection, stack: string): Finding => {
  const id = idOf(what);
  const pool = what.startsWith("pool ") ? `${what.split(":")[0]}: ` : "";
  // The manager's sentences name Pulumi; here it is run by npm, for this stack.
  const runnable = (text: string) =>
    text
      .replaceAll(
        "`pulumi config set --secret muster:githubToken`",
        `npm run pulumi -- config set --secret muster:githubToken -s ${stack}`,
      )
      .replaceAll("`up`", "up");
  const advice = cure === "" && level !== "ok" ? storeAgain(detail, stack) : runnable(cure);
  return { id, level, found: `${pool}${detail}`, cure: advice };
};

/** The sentence of a refused login says what to check; this is how the next credential is stored. */
const storeAgain = (detail: string, stack: string) =>
  /App \d+|githubAppKey/.test(detail)
    ? `npm run muster -- setup --stack ${stack} (or: npm run pulumi -- config set --secret muster:githubAppKey -s ${stack} < KEY.pem)`
    : `npm run pulumi -- config set --secret muster:githubToken -s ${stack}`;

const limits = z.object({
  rate: z.object({ limit: z.number(), remaining: z.number(), reset: z.number() }),
});
/** The manager makes some hundred calls an hour. */
const remainingShare = 0.1;

export const rateCheck = async (facts: Facts, signal: AbortSignal): Promise<Finding[]> => {
  const rest = await restOf(facts, await targetOf(facts));
  const answer = await rest.call({ what: "asking for the rate limit", route: "GET /rate_limit" }, signal);
  const parsed = limits.safeParse(answer);
  if (!parsed.success) return [ok("rate-limit", "this GitHub has none")];
  const { limit, remaining, reset } = parsed.data.rate;
  const back = new Date(reset * 1000).toISOString().slice(11, 16);
  const said = `${remaining} of ${limit} calls are left until ${back} UTC`;
  const cure = `wait until ${back} UTC, or look for another program that uses the same credential`;
  if (remaining === 0) return [blocker("rate-limit", said, cure)];
  if (remaining < limit * remainingShare) return [warning("rate-limit", said, cure)];
  return [ok("rate-limit", said)];
};

const downloads = z.array(z.object({ os: z.string(), architecture: z.string(), filename: z.string() }));
const ends = z.object({
  runtime_deprecates_at: z.string().nullish(),
  registration_deprecates_at: z.string().nullish(),
});
const dayMs = 86_400_000;
const soonMs = 7 * dayMs;

/** GitHub serves a runner version for 30 days after the next one came out. */
export const runnerVersionCheck = async (facts: Facts, signal: AbortSignal): Promise<Finding[]> => {
  const target = await targetOf(facts);
  const rest = await restOf(facts, target);
  const base = `${target.path}/actions/runners`;
  const what = "asking which runner is served";
  const offered = downloads.parse(await rest.call({ what, route: `GET ${base}/downloads` }, signal));
  const archive = offered.find(({ os, architecture }) => os === "linux" && architecture === process.arch);
  const version = /-(\d+\.\d+\.\d+)\./.exec(archive?.filename ?? "")?.[1];
  if (version === undefined)
    return [
      blocker(
        "runner-version",
        `GitHub offers no runner for linux ${process.arch}`,
        "use a computer of another architecture",
      ),
    ];
  const answer = await rest
    .call(
      { what: `asking how long runner ${version} is served`, route: `GET ${base}/deprecations/${version}` },
      signal,
    )
    .catch((error: Error & { status?: number | null }) => {
      // Enterprise Server does not know the call.
      if (error.status === 404) return {};
      throw error;
    });
  const { runtime_deprecates_at: runs, registration_deprecates_at: registers } = ends.parse(answer);
  const untilMs = Math.min(...[runs, registers].map((at) => Date.parse(at ?? "")).filter(Number.isFinite));
  if (!Number.isFinite(untilMs)) return [ok("runner-version", `${version}, with no end that GitHub tells`)];
  const day = new Date(untilMs).toISOString().slice(0, 10);
  const leftMs = untilMs - facts.deps.manager.clock.now();
  const cure =
    "nothing to do while GitHub offers a newer one: the manager looks once a day; restart it to look now";
  if (leftMs <= 0)
    return [blocker("runner-version", `runner ${version} has been refused by GitHub since ${day}`, cure)];
  if (leftMs < soonMs)
    return [warning("runner-version", `runner ${version} is served until ${day} only`, cure)];
  return [ok("runner-version", `${version}, served until ${day} at least`)];
};
