/**
 * The real core (apply, plan, act, loop, journal, enrol and sync) in virtual time among simulated GitHub, cloud and
 * agents with faults. Invariants are read from those, not from the manager's own world. A seed replays exactly.
 */
import { pino } from "pino";
import { type Agents, makeAgents } from "../../agent/manager/agents.ts";
import { makeAct } from "../../agent/manager/act.ts";
import type { Deps } from "../../agent/manager/deps.ts";
import { makeIdentity } from "../../agent/manager/identity.ts";
import { type Journal, openJournal } from "../../agent/manager/journal.ts";
import { defaultLimits as limits } from "../../agent/manager/limits.ts";
import { keepListing } from "../../agent/manager/lists.ts";
import { type Loop, makeLoop } from "../../agent/manager/loop.ts";
import { startWorld } from "../../agent/manager/start-world.ts";
import type { ManagerConfig, PoolConfig } from "../../agent/manager-config.ts";
import { config } from "../agent/manager/worlds.ts";
import { startAgent } from "./agent.ts";
import { type CloudFaults, makeCloud } from "./cloud.ts";
import { virtualClock } from "./clock.ts";
import { type GitHubFaults, simulateGitHub } from "./github.ts";
import type { AgentFaults } from "./agent.ts";
import { prng } from "./prng.ts";

export interface Faults extends CloudFaults, GitHubFaults, AgentFaults {
  /** Probability that the manager is killed, per minute; it is back a few seconds later. */
  managerKilled: number;
  /** With it, that its journal is lost. */
  journalLost: number;
}
export const noFaults: Faults = {
  refused: 0,
  answerLost: 0,
  listFails: 0,
  destroyFails: 0,
  listLagMs: 0,
  deadBoot: 0,
  mintFails: 0,
  mintAnswerLost: 0,
  removeFails: 0,
  messageLagMs: 100,
  down: false,
  syncLost: 0,
  dies: 0,
  managerKilled: 0,
  journalLost: 0,
};

export interface SimulationOptions {
  seed: number;
  pools?: Record<string, Partial<PoolConfig>>;
  faults?: Partial<Faults>;
}

export function simulate({ seed, pools = { a: {} }, faults: given = {} }: SimulationOptions) {
  const faults: Faults = { ...noFaults, ...given };
  const random = prng(seed);
  const clock = virtualClock();
  let ids = 0;
  const log = pino({ level: "silent" });
  const deps: Deps = {
    clock,
    random: random.next,
    id: (length) => String(++ids).padStart(length, "0"),
    log,
    fetch,
  };
  const settings = { config: config(pools, null) as ManagerConfig, hash: "h" };
  const github = simulateGitHub(Object.keys(pools), clock, random, faults);
  const agents = new Map<string, { kill(): void }>();
  let manager: { agents: Agents; loop: Loop; stop(): void } | null = null;
  const violations: string[] = [];
  const killedBusy = new Set<string>();
  let checkKills = true;

  const cloud = makeCloud({
    clock,
    random,
    faults,
    boot: (invitation) => {
      const options = {
        clock,
        random,
        github,
        faults,
        manager: () => manager?.agents ?? null,
        stopped: () => cloud.stopped(invitation.machine),
      };
      agents.set(invitation.machine, startAgent(invitation, options));
    },
    kill: (id) => {
      const busy = [...github.jobs.values()].find(
        (job) => job.state === "running" && (job.runner === id || job.runner?.startsWith(`${id}-`)),
      );
      if (busy && checkKills) killedBusy.add(busy.id);
      agents.get(id)?.kill();
    },
  });
  const identity = makeIdentity(Buffer.alloc(32, 7));
  const backends = new Map([["cloud", cloud]]);
  const storage = {
    path: ":memory:",
    kept: null as Journal | null,
    world: null as ReturnType<Loop["world"]> | null,
  };

  const start = (journalLost: boolean) => {
    // An in-memory file dies with its connection: a restart gets what the last one had written.
    const journal = openJournal(":memory:", deps, limits);
    const old = storage.world;
    const kept: Journal =
      old && !journalLost
        ? {
            ...journal,
            launches: Object.values(old.launches),
            machines: Object.values(old.machines),
            completeSinceMs: old.completeSinceMs,
            whole: true,
            draining: old.draining,
          }
        : journal;
    for (const pool of Object.values(settings.config.pools)) pool.backends = [{ kind: "local" }];
    const world = startWorld({ settings, journal: kept, backends, limits, now: clock.now() });
    const offers = Object.fromEntries(
      Object.keys(pools).map((pool) => [pool, cloud.offers(pool, { kind: "local" })]),
    );
    const launchesFromMs = old && !journalLost ? clock.now() : old ? world.launchesFromMs : clock.now();
    const loop = makeLoop({
      world: { ...world, offers, launchesFromMs },
      journal: kept,
      limits,
      deps,
      broken: (error) => violations.push(`the manager contradicts itself: ${(error as Error).stack}`),
    });
    const configs = new Map<string, { life: number; jitConfig: string }>();
    const serving = makeAgents({ loop, identity, github, configs, limits, deps });
    let alive = true;
    const act = makeAct({
      world: loop.world,
      report: (fact) => (alive ? loop.report(fact) : true),
      backends,
      github,
      identity,
      configs,
      observe: () => {},
      limits,
      deps,
    });
    loop.watch({
      planned: (plan) => Object.entries(plan.capacity).forEach(([pool, jobs]) => github.capacity(pool, jobs)),
    });
    github.connect((fact) => void (alive && loop.report(fact)));
    loop.start(act);
    const lists = keepListing(loop, backends, limits, deps);
    github.start(settings.config);
    const stop = () => {
      alive = false;
      loop.stop();
      lists.stop();
      storage.world = loop.world();
      journal.close();
    };
    manager = { agents: serving, loop, stop };
  };
  const killManager = (journalLost: boolean) => {
    manager?.stop();
    manager = null;
    // Mostly a restart, sometimes a night.
    clock.after(random.chance(0.2) ? random.ms(60_000, 900_000) : random.ms(500, 20_000), () =>
      start(journalLost),
    );
  };
  const minute = () => {
    if (manager && random.chance(faults.managerKilled)) killManager(random.chance(faults.journalLost));
    clock.after(60_000, minute);
  };

  /** After each step, from the outside. */
  const check = () => {
    for (const [pool, { max = 4 }] of Object.entries(pools)) {
      const known = manager?.loop.world();
      const leaving = (id: string) => ["done", "lost"].includes(known?.machines[id]?.stage ?? "");
      const running = [...cloud.machines.values()].filter(
        (machine) => machine.pool === pool && machine.running && !leaving(machine.id),
      );
      if (known && faults.journalLost === 0 && running.length > max)
        violations.push(`${running.length} machines of pool ${pool}, max ${max}`);
    }
    if (new Set(github.minted).size !== github.minted.length)
      violations.push("a registration's name was used twice");
    if (killedBusy.size > 0) violations.push(`busy machines were destroyed: ${[...killedBusy].join(", ")}`);
  };

  start(false);
  minute();
  return {
    clock,
    github,
    cloud,
    faults,
    violations,
    settings,
    world: () => manager?.loop.world() ?? storage.world!,
    loop: () => manager!.loop,
    killManager,
    /** Advances and fails on the first broken invariant. */
    advance: async (ms: number) => {
      await clock.advance(ms, check);
      if (violations.length > 0) throw new Error(`seed ${seed}: ${violations[0]}`);
    },
    until: async (condition: () => boolean, ms: number) => {
      const held = await clock.until(() => violations.length > 0 || condition(), ms, check);
      if (violations.length > 0) throw new Error(`seed ${seed}: ${violations[0]}`);
      return held;
    },
    /** Ends every fault, as after a storm. */
    heal: () => void Object.assign(faults, noFaults),
    drain: async () => {
      checkKills = false;
      await clock.until(() => manager !== null, 1_000_000);
      manager!.loop.report({ is: "draining", on: true });
    },
    jobsOpen: () => [...github.jobs.values()].filter(({ state }) => state !== "completed"),
    random,
    start,
  };
}
