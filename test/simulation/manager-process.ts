/**
 * The real core as a process that can die, stand still and come back: settings, journal, loop, executor, lists, enrolling
 * and syncing, put together as manager.ts does. Its calls leave through a gate: nothing of a dead one reaches anybody.
 */
import { pino } from "pino";
import { makeAct } from "../../agent/manager/act.ts";
import { type Agents, makeAgents } from "../../agent/manager/agents.ts";
import type { Clock, Deps } from "../../agent/manager/deps.ts";
import type { Fact } from "../../agent/manager/facts.ts";
import { makeIdentity } from "../../agent/manager/identity.ts";
import { type Journal, openJournal } from "../../agent/manager/journal.ts";
import type { Limits } from "../../agent/manager/limits.ts";
import { keepUp } from "../../agent/manager/journal/upkeep.ts";
import { keepListing } from "../../agent/manager/lists.ts";
import { type Loop, makeLoop } from "../../agent/manager/loop.ts";
import { type Plan, plan as realPlan } from "../../agent/manager/plan.ts";
import type { Backend, GitHub } from "../../agent/manager/ports.ts";
import { type Settings, settingsChanged } from "../../agent/manager/settings.ts";
import { startWorld } from "../../agent/manager/start-world.ts";
import type { World } from "../../agent/manager/world.ts";
import { sleepOn, type VirtualClock } from "./clock.ts";
import type { Defect } from "./defects.ts";
import type { Story } from "./events.ts";
import type { Cloud } from "./fakes/cloud.ts";
import type { SimulatedGitHub } from "./fakes/github.ts";
import type { Prng } from "./prng.ts";
import type { Storage } from "./storage.ts";

export interface ManagerProcess {
  readonly agents: Agents;
  readonly loop: Loop;
  readonly limits: Limits;
  /** What it plans by. */
  readonly decide: typeof realPlan;
  isDead(): boolean;
  isPaused(): boolean;
  /** Dies at once: whatever it had on its way stays on its way. */
  die(): void;
  pause(ms: number): void;
  /** Calls it as an agent does: rejects when it dies meanwhile, waits while it stands still. */
  call<T>(ask: (agents: Agents, signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>;
  settings(next: Settings): void;
}

export interface ProcessOptions {
  clock: VirtualClock;
  /** How far its wall clock is off. */
  offsetMs: number;
  random: Prng;
  ids: (length: number) => string;
  story: Story;
  storage: Storage;
  /** Asked at each write: "before" or "after" it the process dies, or the disk is full. */
  mishap: () => "before" | "after" | "full" | null;
  settings: Settings;
  clouds: readonly Cloud[];
  github: SimulatedGitHub;
  limits: Limits;
  defect: Defect | null;
  logged: (line: string) => void;
  planned: (plan: Plan, world: World, now: number) => void;
  fact: (fact: Fact, before: World, after: World, now: number) => void;
  broken: (error: unknown) => void;
}

const agentTimeoutMs = 40_000;
export const stackKey = Buffer.alloc(32, 7);

export function startProcess(options: ProcessOptions): ManagerProcess {
  const { clock: outside, story, storage, clouds, github, defect } = options;
  const limits = defect?.limits?.(options.limits) ?? options.limits;
  let dead = false;
  let pausedUntilMs = 0;
  const asleep: (() => void)[] = [];
  const deaths = new Set<(error: Error) => void>();

  const awake = (run: () => void) => {
    if (dead) return;
    if (outside.now() < pausedUntilMs) asleep.push(run);
    else run();
  };
  const after: Clock["after"] = (ms, run) => outside.after(ms, () => awake(run));
  const clock: Clock = { now: () => outside.now() + options.offsetMs, after, sleep: sleepOn(after) };
  /** An answer from outside, heard when the process can hear. */
  const gate = <T>(ask: () => Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      if (dead) return;
      ask().then(
        (value) => awake(() => resolve(value)),
        (error: unknown) => awake(() => reject(error as Error)),
      );
    });

  const log = pino({ level: "info" }, { write: options.logged });
  const deps: Deps = { clock, random: options.random.next, id: options.ids, log, fetch };
  const backends = new Map(
    clouds.map((cloud) => {
      const { list, launch, destroy, ...rest } =
        defect?.backend?.(cloud, cloud.backend(), outside) ?? cloud.backend();
      const gated: Backend = {
        ...rest,
        list: (signal) => gate(() => list(signal)),
        launch: (id, request, invitations, signal) => gate(() => launch(id, request, invitations, signal)),
        destroy: (ids, signal) => gate(() => destroy(ids, signal)),
      };
      return [cloud.name, gated] as const;
    }),
  );
  const identity = makeIdentity(stackKey);
  const journal = fragile(openJournal(storage.path(), deps, limits), options.mishap, () => die());
  const world = startWorld({ settings: options.settings, journal, backends, limits, now: clock.now() });
  const decide = defect?.plan ?? realPlan;
  const loop = makeLoop({
    world,
    journal,
    limits,
    deps,
    broken: options.broken,
    decide,
  });
  const report = (fact: Fact) => {
    if (dead) return false;
    const ok = loop.report(defect?.fact?.(fact, loop.world()) ?? fact);
    return ok && !dead;
  };
  const port = github.connect((fact) => awake(() => void report(fact)));
  const gatedPort: GitHub = {
    ...port,
    mint: (pool, name, signal) => gate(() => port.mint(pool, name, signal)),
    remove: (pool, runner, signal) => gate(() => port.remove(pool, runner, signal)),
    seeRun: (repository, run, runners, signal) => gate(() => port.seeRun(repository, run, runners, signal)),
    rerun: (repository, run, call, signal) => gate(() => port.rerun(repository, run, call, signal)),
    capacity: (pool, jobs) => void (dead || port.capacity(pool, jobs)),
  };
  const configs = new Map<string, { life: number; jitConfig: string }>();
  const agents = makeAgents({
    loop: { ...loop, report },
    identity,
    github: gatedPort,
    configs,
    limits,
    deps,
  });
  const act = makeAct({
    ...{ world: loop.world, report, backends, github: gatedPort, identity, configs, limits, deps },
    observe: () => {},
  });
  loop.watch({
    fact: (fact, before, after, now) => void (dead || options.fact(fact, before, after, now)),
    planned: (plan, believed, _seconds, now) => {
      if (dead) return;
      options.planned(plan, believed, now);
      for (const [pool, jobs] of Object.entries(plan.capacity)) gatedPort.capacity(pool, jobs);
    },
  });
  loop.start((actions) => {
    // Death by a write comes in the middle of the work: the rest of the plan is never begun.
    for (const action of defect?.actions?.(actions, loop.world()) ?? actions) if (!dead) act([action]);
  });
  const lists = keepListing({ ...loop, report }, backends, limits, deps);
  port.start(options.settings.config);
  const stopUpkeep = keepUp(journal, limits, deps);

  const die = () => {
    if (dead) return;
    dead = true;
    loop.stop();
    lists.stop();
    stopUpkeep();
    journal.close();
    for (const hangUp of deaths) hangUp(new Error("connection reset"));
    deaths.clear();
  };

  return {
    agents,
    loop,
    limits,
    decide,
    isDead: () => dead,
    isPaused: () => outside.now() < pausedUntilMs,
    die,
    pause: (ms) => {
      pausedUntilMs = Math.max(pausedUntilMs, outside.now() + ms);
      story.happened({ is: "manager", does: `stands still for ${Math.round(ms / 1_000)} s` });
      outside.after(ms + 1, () => {
        if (dead || outside.now() < pausedUntilMs) return;
        for (const run of asleep.splice(0)) awake(run);
      });
    },
    call: (ask, signal) =>
      new Promise((resolve, reject) => {
        if (dead) return reject(new Error("connection refused"));
        const heeded = new AbortController();
        const hangUp = (error: Error) => {
          deaths.delete(hangUp);
          cancel();
          signal.removeEventListener("abort", stopped);
          heeded.abort(error);
          reject(error);
        };
        const stopped = () => hangUp(signal.reason as Error);
        const cancel = outside.after(agentTimeoutMs, () => hangUp(new Error("no answer")));
        deaths.add(hangUp);
        signal.addEventListener("abort", stopped, { once: true });
        if (signal.aborted) return stopped();
        const done = () => {
          deaths.delete(hangUp);
          cancel();
          signal.removeEventListener("abort", stopped);
        };
        awake(() => {
          if (heeded.signal.aborted) return;
          ask(agents, heeded.signal).then(
            (value) => awake(() => (done(), resolve(value))),
            (error: unknown) => awake(() => (done(), reject(error as Error))),
          );
        });
      }),
    settings: (next) => {
      if (dead) return;
      awake(() => {
        report(settingsChanged(next, backends));
        port.start(next.config);
      });
    },
  };
}

/** A journal whose writes can be the last thing a process does, or fail. */
function fragile(journal: Journal, mishap: ProcessOptions["mishap"], die: () => void): Journal {
  const struck = (write: () => void) => {
    const what = mishap();
    if (what === "full") throw new Error("ENOSPC: no space left on device");
    if (what === "before") return die();
    write();
    if (what === "after") die();
  };
  return {
    ...journal,
    save: (before, after) => struck(() => journal.save(before, after)),
    heartbeat: (now) => {
      if (mishap() === "full") throw new Error("ENOSPC: no space left on device");
      journal.heartbeat(now);
    },
  };
}
