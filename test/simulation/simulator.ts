/**
 * One seed: the real core in virtual time among simulated GitHub, clouds and agents with faults. First safety, while the
 * faults rage; then liveness, when enough is healed and everything must come to an end; then a drain to nothing.
 */
import { makeIdentity } from "../../agent/manager/identity.ts";
import type { Limits } from "../../agent/manager/limits.ts";
import type { Settings } from "../../agent/manager/settings.ts";
import type { PoolConfig } from "../../agent/manager-config.ts";
import { type Checker, makeChecker, type Violation } from "./checker.ts";
import { virtualClock } from "./clock.ts";
import type { Defect } from "./defects.ts";
import { makeStory, type Story } from "./events.ts";
import { startAgent } from "./fakes/agent.ts";
import { type Cloud, makeCloud } from "./fakes/cloud.ts";
import { type DeleteOutcome, simulateGitHub } from "./fakes/github.ts";
import { type FaultKind, makeFaults } from "./faults.ts";
import { type ManagerProcess, stackKey, startProcess } from "./manager-process.ts";
import type { Situation } from "./oracle.ts";
import { prng } from "./prng.ts";
import { type Scenario, settingsOf } from "./scenario.ts";
import { makeStorage } from "./storage.ts";

export interface SimulationOptions {
  defect?: Defect | null;
  deleteRace?: DeleteOutcome;
}

export type Simulation = ReturnType<typeof makeSimulation>;

export function makeSimulation(scenario: Scenario, { defect = null, deleteRace }: SimulationOptions = {}) {
  const random = prng(scenario.seed);
  const clock = virtualClock();
  const story = makeStory(clock);
  const faults = makeFaults(scenario.faults, random.split("strikes"), clock);
  const limits: Limits = scenario.limits;
  let settings: Settings = { config: settingsOf(scenario), hash: "settings-0" };
  const github = simulateGitHub({
    ...{ pools: Object.keys(scenario.pools), clock, random: random.split("github"), faults, story },
    ...(deleteRace ? { deleteRace } : {}),
  });
  let manager: ManagerProcess | null = null;
  let ids = 0;
  const identity = makeIdentity(stackKey);
  const agentsRandom = random.split("agents");
  const clouds: Cloud[] = scenario.backends.map(({ name, offers, consistent, names, ending }) => {
    const cloud: Cloud = makeCloud({
      ...{ name, offers, consistent, names, clock, random: random.split(name), faults, story },
      boot: ({ machine, token }) =>
        // A cloud that names its machines vouches for them; here that is the token of that name.
        startAgent(
          { machine, token: names === "own" ? identity.token(machine) : token },
          {
            ...{ backend: name, ending, vouched: names === "own", clock, github, faults, story },
            random: agentsRandom.split(machine),
            call: (ask, signal) =>
              manager ? manager.call(ask, signal) : Promise.reject(new Error("connection refused")),
            stopped: () => cloud.stopped(machine),
          },
        ),
    });
    return cloud;
  });
  const checker: Checker = makeChecker({
    ...{ story, clouds, github, limits, faults: scenario.faults, now: clock.now },
    settings: () => settings.config,
    manager: () => manager,
  });

  const storage = makeStorage();
  const fate = random.split("manager");
  let offsetMs = 0;
  let calmUntilMs = 0;
  let forgetful = false;

  const mishap = () => {
    if (faults.active("journal-unwritable") && fate.chance(0.7)) return "full" as const;
    if (clock.now() > calmUntilMs && faults.active("crash") && fate.chance(1 / 150)) {
      // The rest of this very step still runs: its effects must not leave a dead process.
      const when = fate.pick(["before", "after"] as const);
      clock.after(0, () => manager?.isDead() && restartLater());
      return when;
    }
    return null;
  };
  const start = () => {
    story.happened({ is: "manager", does: "starts" });
    checker.managerStarted();
    manager = startProcess({
      ...{ clock, offsetMs, story, storage, settings, clouds, github, limits, defect, mishap },
      random: random.split(`manager ${clock.now()}`),
      ids: (length) => String(++ids).padStart(length, "0"),
      logged: checker.logged,
      planned: checker.planned,
      fact: (fact, before, after) => checker.fact(fact, before, after),
      broken: (error) => checker.fail("0 no-contradiction", String((error as Error).stack)),
    });
  };
  const restartLater = () => {
    manager?.die();
    manager = null;
    story.happened({ is: "manager", does: "is dead" });
    calmUntilMs = clock.now() + fate.ms(10_000, 120_000);
    const down = fate.chance(0.2) ? fate.ms(60_000, 900_000) : fate.ms(500, 20_000);
    // A manager that was away for longer than its journal allows takes it for lost.
    if (
      down > 150_000 ||
      faults.plan["journal-lost"] ||
      faults.plan["journal-old"] ||
      faults.plan["clock-jump"]
    )
      forgetful = true;
    if (faults.active("journal-lost") && fate.chance(0.5)) {
      story.happened({ is: "fault", kind: "journal-lost", what: "the journal is gone" });
      storage.lose(fate.chance(0.5));
    } else if (faults.active("journal-old") && fate.chance(0.5)) {
      if (storage.putBack(clock.now() - fate.ms(1_000, 400_000)))
        story.happened({ is: "fault", kind: "journal-old", what: "an older journal is put back" });
    }
    if (faults.active("clock-jump") && fate.chance(0.5)) {
      offsetMs = fate.ms(-600_000, 600_000);
      story.happened({ is: "fault", kind: "clock-jump", what: `${offsetMs} ms` });
    }
    // Mostly a restart, sometimes a night.
    clock.after(down, start);
  };
  const changeSettings = () => {
    const { pools } = settings.config;
    const all = settingsOf(scenario).pools;
    const name = fate.pick(Object.keys(all));
    const next: Record<string, PoolConfig> = { ...pools };
    const taken = fate.chance(0.3) && Object.keys(pools).length > 1;
    if (taken) delete next[name];
    else next[name] = { ...all[name]!, max: fate.below(5), minIdle: fate.below(2) };
    setPools(next);
  };
  const setPools = (pools: Record<string, PoolConfig>) => {
    const said = Object.entries(pools).map(([pool, { max }]) => `${pool}: max ${max}`);
    story.happened({ is: "manager", does: `gets settings ${said.join(", ")}` });
    settings = { config: { ...settings.config, pools }, hash: `settings-${clock.now()}` };
    checker.step();
    manager?.settings(settings);
  };

  /** What can happen to the manager at any event. */
  const disturb = () => {
    if (!manager || clock.now() < calmUntilMs) return;
    if (faults.active("crash") && fate.chance(1 / 1_500)) return restartLater();
    if (faults.active("pause") && fate.chance(1 / 1_500)) {
      const ms = fate.ms(1_000, 120_000);
      calmUntilMs = clock.now() + ms + fate.ms(10_000, 60_000);
      manager.pause(ms);
    }
    if (faults.active("settings-changed") && fate.chance(1 / 2_000)) {
      calmUntilMs = clock.now() + fate.ms(10_000, 60_000);
      changeSettings();
    }
  };
  const copying = () => {
    storage.copy(clock.now());
    clock.after(60_000, copying);
  };
  if (scenario.faults["journal-old"]) clock.after(50_000, copying);
  const step = () => {
    checker.step();
    disturb();
  };
  for (const { atMs, ...wish } of scenario.jobs) {
    const { cancelAfterMs, ...kept } = wish;
    clock.after(atMs, () => {
      const cancelled = cancelAfterMs !== undefined && faults.strikes("job-cancelled", wish.pool);
      github.queue(cancelled ? { ...kept, cancelAfterMs } : kept);
    });
  }
  start();

  const failure = (): Violation | null => checker.violation;
  return {
    ...{ scenario, clock, github, clouds, faults, story, storage, random, failure },
    manager: () => manager,
    world: () => manager?.loop.world() ?? null,
    settings: () => settings,
    setPools,
    crash: restartLater,
    /** Runs until the condition holds; false when it does not within `ms`. Throws at a broken invariant. */
    until: async (condition: () => boolean, ms: number) => {
      const held = await clock.until(() => failure() !== null || condition(), ms, step);
      const broken = failure();
      if (broken) throw broken;
      return held;
    },
    situation: (core: ReadonlySet<string>): Situation | null =>
      manager && {
        ...{ settings: settings.config, limits, github, clouds, core, forgetful },
        world: manager.loop.world(),
        plan: manager.loop.lastPlan(),
      },
    /** Whether somebody still has to clear this runner record away. */
    isOwned: (record: string) =>
      !forgetful ||
      Object.values(manager?.loop.world().machines ?? {}).some(
        ({ registration }) => registration?.name === record,
      ),
    drain: () => void manager?.loop.report({ is: "draining", on: true }),
    close: () => {
      manager?.die();
      manager = null;
      storage.close();
    },
  };
}

export const backendKinds: ReadonlySet<FaultKind> = new Set<FaultKind>([
  "shortage",
  "launch-refused",
  "launch-answer-lost",
  "launch-slow",
  "launch-partial",
  "list-fails",
  "list-late",
  "list-short",
  "destroy-ignored",
  "destroy-fails",
  "boot-stuck",
  "sudden-death",
  "never-enrols",
  "enrols-twice",
  "sync-dropped",
  "sync-repeated",
  "agent-dies",
  "ignores-end",
]);
export type { Story };
