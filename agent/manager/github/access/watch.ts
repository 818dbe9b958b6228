/**
 * Looks, at the start and from then on, who else could use the pools or take their jobs, and tells the core. Until a pool
 * was looked at once it is held; what was found stays true while a later look fails.
 */
import type { ManagerConfig } from "../../../manager-config.ts";
import { deadline, type Deps } from "../../deps.ts";
import type { Report } from "../../ports.ts";
import type { Access, Ms, PoolName } from "../../world.ts";
import type { Rest } from "../login.ts";
import type { Owned } from "../owned.ts";
import { makePause, pauseMs } from "../pauses.ts";
import type { Service } from "../service.ts";
import type { Timings } from "../timings.ts";
import type { Target } from "../url.ts";
import { expiryWarning } from "./credential.ts";
import { judge, type Judgement } from "./judge.ts";
import { type Place, readPlace } from "./read.ts";

export interface Watched {
  /** Asked anew for every look: the login may have changed. */
  rest(): Rest;
  service: Pick<Service, "listSets">;
  target: Target;
  owned: Pick<Owned, "sets" | "settle" | "firsts" | "keepFirst" | "dropFirst">;
  /** The pool has no scale set that could say since when it has been there. */
  readsRuns(pool: PoolName): boolean;
}

export interface AccessWatch {
  /** New settings: pools that they change are held, before this returns, until they were looked at. */
  follow(config: ManagerConfig): void;
  /** Looks at once: for a new login, or a pool that hears of its jobs in another way now. */
  look(): void;
  stop(): void;
}

interface Held {
  /** What the finding depends on. */
  key: string;
  sinceMs: Ms;
  /** It was looked at, or nobody could for so long that it goes on without. */
  known: boolean;
}

export function makeAccessWatch(
  watched: () => Watched,
  report: Report,
  timings: Timings,
  deps: Deps,
): AccessWatch {
  const { clock, log } = deps;
  const life = new AbortController();
  const pause = makePause(deps, life.signal);
  const pools = new Map<PoolName, Held>();
  const said = new Map<string, string>();
  let config: ManagerConfig | null = null;
  let wanted = 0;
  let running = false;

  /** One line for each change. */
  const say = (about: string, why: string | null, line: string, details: object = {}) => {
    if ((said.get(about) ?? null) === why) return;
    if (why === null) said.delete(about);
    else {
      said.set(about, why);
      log.warn({ ...details, why }, line);
    }
  };
  const tell = (pool: PoolName, access: Access) => {
    report({ is: "access-seen", pool, ...access });
    const [first] = access.refusals;
    if (first?.reason !== "access-unread")
      say(`refused ${pool}`, first?.detail ?? null, "the pool is not used", { pool, reason: first?.reason });
    say(`warned ${pool}`, access.warnings.join(" ") || null, "others share the pool's jobs", { pool });
  };

  const judged = (
    pool: PoolName,
    held: Held,
    { refusals, warnings, unread, settles, first }: Judgement,
  ): boolean => {
    const found: Access = {
      refusals: refusals.map(({ reason, said, cure }) => ({ reason, detail: `${said}. ${cure}.` })),
      warnings: warnings.map(({ said, cure }) => `${said}. ${cure}.`),
    };
    if (unread === null) {
      held.known = true;
      const { owned, readsRuns } = watched();
      if (settles !== null) owned.settle(settles);
      if (first !== null && readsRuns(pool)) owned.keepFirst(first);
      tell(pool, found);
      return true;
    }
    // What was found before stays; a refusal that is certain all the same is told.
    if (held.known && refusals.length === 0) return false;
    if (clock.now() - held.sinceMs < timings.accessGraceMs) {
      tell(pool, { ...found, refusals: [...found.refusals, notRead(unread)] });
      return false;
    }
    held.known = true;
    const warning = `Who may use this pool could not be read for ${timings.accessGraceMs / 60_000} minutes (${unread}); it goes on without.`;
    tell(pool, { ...found, warnings: [...found.warnings, warning] });
    return false;
  };

  /** True when everything that decides was read. */
  const once = async (settings: ManagerConfig, number: number): Promise<boolean> => {
    const { rest, service, target, owned } = watched();
    const limit = deadline(clock, timings.accessTimeoutMs, `looking at ${target.url}`, life.signal);
    const groups = Object.values(settings.pools).map(({ runnerGroup }) => runnerGroup);
    const login = rest();
    let place: Place;
    try {
      place = await readPlace({ rest: login, service, target }, groups, limit.signal);
    } finally {
      limit.done();
    }
    // Asked again meanwhile: this answer is about a place or settings that are no more.
    if (number !== wanted || life.signal.aborted) return false;
    const credential = login.credential();
    const warning = expiryWarning(credential, clock.now());
    report({
      is: "credential-seen",
      credential: { kind: credential.kind, expiresMs: credential.expiresMs, warning },
    });
    say("credential", warning, "the login at GitHub ends soon");
    for (const [what, reading] of [
      ["runner groups", place.groups],
      ["runners", place.runners],
    ] as const)
      say(
        what,
        reading?.is === "unread" ? reading.why.message : null,
        `${what} cannot be read: going on without`,
      );
    for (const { pool } of owned.firsts()) if (!settings.pools[pool]) owned.dropFirst(pool);
    const read = [...pools].map(([pool, held]) => judged(pool, held, judge(settings, pool, place, owned)));
    return read.every((whole) => whole);
  };

  const run = async () => {
    for (let failures = 0; !life.signal.aborted && config !== null;) {
      const number = wanted;
      const whole = await once(config, number).catch((error: unknown) => {
        log.error({ err: error }, "looking who may use the pools failed in an unforeseen way");
        return false;
      });
      if (number !== wanted) continue;
      failures = whole ? 0 : failures + 1;
      await pause.sleep(
        whole
          ? timings.accessPeriodMs * (0.9 + deps.random() / 10)
          : pauseMs(failures, timings.accessRetryFirstMs, timings.accessRetryMsMax, deps.random),
      );
    }
  };
  const look = () => {
    wanted += 1;
    pause.wake();
    if (running || config === null) return;
    running = true;
    void run().finally(() => (running = false));
  };

  return {
    follow: (settings) => {
      config = settings;
      for (const pool of pools.keys()) if (!settings.pools[pool]) pools.delete(pool);
      for (const [pool, own] of Object.entries(settings.pools)) {
        const { labels, runnerGroup, publicRepositories, shareLabels, reuse, backends } = own;
        const parts = [
          settings.github.url,
          labels,
          runnerGroup,
          publicRepositories,
          shareLabels,
          reuse,
          backends,
        ];
        const key = JSON.stringify(parts);
        if (pools.get(pool)?.key === key) continue;
        pools.set(pool, { key, sinceMs: clock.now(), known: false });
        tell(pool, { refusals: [notRead("it is being looked at")], warnings: [] });
      }
      look();
    },
    look,
    stop: () => life.abort(new Error("no longer looked at")),
  };
}

const notRead = (why: string) =>
  ({
    reason: "access-unread",
    detail: `Nothing is started for this pool before it is known who could use it: ${why}.`,
  }) as const;
