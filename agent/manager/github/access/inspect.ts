/**
 * What a stack would meet at GitHub, as findings with their cures: what its login has and lacks, how long it lasts, runner
 * groups, public repositories, other scale sets with its labels. Reads, and registers nothing that stays: the
 * registration token that it asks for, to see whether it may, ends by itself within the hour.
 */
import type { ManagerConfig, ManagerSecrets } from "../../../manager-config.ts";
import type { Deps } from "../../deps.ts";
import { makeConnection } from "../connection.ts";
import { classify } from "../errors.ts";
import { makeLogin } from "../login.ts";
import { openOwned } from "../owned.ts";
import { makeService } from "../service.ts";
import { defaultTimings, type Timings } from "../timings.ts";
import { parseTarget } from "../url.ts";
import { type Credential, expired, expiryWarning } from "./credential.ts";
import { judge, type Noted } from "./judge.ts";
import type { InspectedPool } from "./publicity.ts";
import { groupNamed, type Place, readPlace } from "./read.ts";

export interface Finding {
  level: "ok" | "warning" | "blocker";
  /** What was looked at, in a few words: `login`, `pool arm64: labels`. */
  what: string;
  /** One sentence: how it is. */
  detail: string;
  /** What to do; empty when nothing is to be done. */
  cure: string;
}

/** A stack that runs, or one that is only written down yet: then without `directory`. */
export type Inspected = Pick<ManagerConfig, "github" | "stack"> & {
  pools: Readonly<Record<string, InspectedPool>>;
  /** The manager's folder, whose notes tell this stack's sets from others. */
  directory?: string;
};

/** Never rejects for what GitHub answers: that is a finding. At most some twenty requests. */
export async function inspectPlace(
  stack: Inspected,
  secrets: ManagerSecrets,
  deps: Deps,
  signal: AbortSignal,
  timings: Timings = defaultTimings,
): Promise<Finding[]> {
  const target = parseTarget(stack.github.url);
  const { login, source } = stack.github;
  const reads = source === "queued-runs";
  const rest = makeLogin(target, login, secrets, timings, deps, reads ? "runners and runs" : "runners");
  const connection = makeConnection(rest, target, timings, deps);
  const service = makeService(connection, timings, deps);
  try {
    await connection.admin(signal);
  } catch (error) {
    const over = expired(rest.credential(), deps.clock.now());
    const { reason, detail } = classify(error, "");
    const cure =
      over ??
      (reason === "denied"
        ? ""
        : "Look at https://www.githubstatus.com, the network and the proxy, and ask again");
    return [{ level: "blocker", what: "login", detail, cure }];
  }
  const groups = Object.values(stack.pools).map(({ runnerGroup }) => runnerGroup);
  const place = await readPlace({ rest, service, target }, groups, signal);
  const owned: Noted =
    stack.directory === undefined
      ? { sets: () => [], firsts: () => [] }
      : openOwned(stack.directory, target.url, deps);
  const now = deps.clock.now();
  return [
    { level: "ok", what: "login", detail: `may register runners at ${target.url}`, cure: "" },
    ...credentialFindings(rest.credential(), now),
    ...readFindings(place),
    ...Object.keys(stack.pools).flatMap((pool) => poolFindings(stack, pool, place, owned)),
  ];
}

function credentialFindings(credential: Credential, now: number): Finding[] {
  if (credential.kind === "installation") return [];
  const what = "token";
  const warning = expiryWarning(credential, now);
  if (warning !== null) {
    const [detail, cure] = warning.split(/: (?=make another)/) as [string, string];
    return [{ level: expired(credential, now) === null ? "warning" : "blocker", what, detail, cure }];
  }
  const ends =
    credential.expiresMs === null
      ? "has no end that GitHub tells"
      : `lasts until ${new Date(credential.expiresMs).toISOString().slice(0, 10)}`;
  const scopes =
    credential.scopes === null ? "" : `; a classic token with ${credential.scopes.join(", ") || "no scopes"}`;
  return [{ level: "ok", what, detail: `githubToken ${ends}${scopes}`, cure: "" }];
}

/** What could not be read: said once, and whatever does not depend on it goes on. */
function readFindings(place: Place): Finding[] {
  const readings = [
    ["visibility", place.publicRepositories, "whether a public repository could use the pools is not known"],
    ["runner groups", place.groups, "a public repository of the organisation then counts as admitted"],
    ["scale sets", place.sets, "other stacks with the same labels are not seen"],
    ["runners", place.runners, "runners registered by hand with the same labels are not seen"],
  ] as const;
  return readings.flatMap(([what, reading, follows]): Finding[] =>
    reading?.is === "unread"
      ? [
          {
            level: "warning",
            what,
            detail: `${reading.why.message}; ${follows}`,
            cure: "Give the login the right to read it",
          },
        ]
      : [],
  );
}

function poolFindings(stack: Inspected, pool: string, place: Place, owned: Noted): Finding[] {
  const settings = stack.pools[pool]!;
  const findings: Finding[] = [];
  if (place.groups?.is === "read" && !groupNamed(place.groups.value, settings.runnerGroup)) {
    const names = place.groups.value.map(({ name }) => name).join(", ");
    findings.push({
      level: "blocker",
      what: `pool ${pool}: runner group`,
      detail: `runnerGroup "${settings.runnerGroup}" does not exist at GitHub. Groups there: ${names}`,
      cure: "Create it, or name one of these",
    });
  }
  const { refusals, warnings, unread } = judge(stack, pool, place, owned);
  const names = { "public-repository": "public repositories", "label-clash": "labels" } as const;
  for (const { reason, said, cure } of refusals)
    findings.push({ level: "blocker", what: `pool ${pool}: ${names[reason]}`, detail: said, cure });
  for (const { said, cure } of warnings)
    findings.push({ level: "warning", what: `pool ${pool}: labels`, detail: said, cure });
  if (findings.length === 0 && unread === null)
    findings.push({
      level: "ok",
      what: `pool ${pool}`,
      detail: `runner group ${settings.runnerGroup}, labels [${settings.labels.join(", ")}]: nothing else has these labels, and no public repository can use it`,
      cure: "",
    });
  return findings;
}
