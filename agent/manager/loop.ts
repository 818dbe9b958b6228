/**
 * The one loop: facts are applied at once by one writer; soon after, plan decides and act begins. Woken by change and
 * by time; a sync that says nothing new wakes nobody.
 */
import { apply } from "./apply.ts";
import type { Action } from "./plan.ts";
import { type Plan, plan } from "./plan.ts";
import type { Deps } from "./deps.ts";
import { gpuFitness } from "./gpus.ts";
import type { Journal } from "./journal.ts";
import type { Limits } from "./limits.ts";
import type { Fact } from "./facts.ts";
import type { Ms, World } from "./world.ts";

export interface Watcher {
  /** After each applied fact. */
  fact?(fact: Fact, before: World, after: World, now: Ms): void;
  /** After each plan. */
  planned?(plan: Plan, world: World, seconds: number, now: Ms): void;
}

export interface Loop {
  world(): World;
  lastPlan(): Plan | null;
  /** When the loop last came round; a standing loop is unhealthy. */
  lastTurnMs(): Ms;
  /** Applies a fact now; false when it could not be journalled. */
  report(fact: Fact): boolean;
  watch(watcher: Watcher): void;
  start(act: (actions: readonly Action[]) => void): void;
  stop(): void;
}

export interface LoopOptions {
  world: World;
  journal: Pick<Journal, "save" | "heartbeat">;
  limits: Limits;
  deps: Deps;
  /** Called when plan or apply throws: what the manager believes contradicts itself. */
  broken: (error: unknown, world: World) => void;
  /** The simulation plants its defects here. */
  decide?: typeof plan;
}

export function makeLoop({ world: first, journal, limits, deps, broken, decide = plan }: LoopOptions): Loop {
  const { clock, log } = deps;
  const watchers: Watcher[] = [];
  let world = first;
  let latest: Plan | null = null;
  let turnMs = clock.now();
  let act: ((actions: readonly Action[]) => void) | null = null;
  let wake: { atMs: Ms; sinceMs: Ms; cancel: () => void } | null = null;

  let journalled = first;
  let retry: (() => void) | null = null;
  const saved = (after: World): boolean => {
    try {
      journal.save(journalled, after);
      journalled = after;
      return true;
    } catch (error) {
      if (after.journalWritable)
        log.error({ err: error }, "the journal cannot be written: no launches until it can");
      world = { ...after, journalWritable: false };
      retry ??= clock.after(limits.journalRetryMs, tryAgain);
      return false;
    }
  };
  /** Not with the next fact: one that fits would let launches begin that do not. */
  const tryAgain = () => {
    retry = null;
    const now = clock.now();
    try {
      journal.heartbeat(now);
      journal.save(journalled, world);
    } catch {
      retry = clock.after(limits.journalRetryMs, tryAgain);
      return;
    }
    journalled = world;
    world = { ...world, journalWritable: true };
    log.info("the journal can be written again");
    soon(now);
  };

  const report = (fact: Fact): boolean => {
    const now = clock.now();
    const before = world;
    try {
      world = apply(before, fact, now, limits);
    } catch (error) {
      broken(error, before);
      return false;
    }
    const ok = world === before || saved(world);
    // Also a fact that changes nothing that is believed may tell a watcher when to look.
    for (const watcher of watchers) watcher.fact?.(fact, before, world, now);
    if (world !== before && !onlyHeard(fact, before, world)) soon(now);
    return ok;
  };

  /** Plans after a short pause for company, at most coalesceMsMax after the first of several. */
  const soon = (now: Ms) => {
    const sinceMs = wake && wake.atMs <= now + limits.coalesceMsMax ? wake.sinceMs : now;
    schedule(Math.min(now + limits.coalesceIdleMs, sinceMs + limits.coalesceMsMax), sinceMs, now);
  };
  const schedule = (atMs: Ms, sinceMs: Ms, now: Ms) => {
    if (!act) return;
    wake?.cancel();
    wake = { atMs, sinceMs, cancel: clock.after(Math.max(0, atMs - now), turn) };
  };

  const turn = () => {
    wake = null;
    const began = clock.now();
    turnMs = began;
    try {
      latest = decide(world, began, limits);
    } catch (error) {
      return broken(error, world);
    }
    const planned = latest;
    const now = clock.now();
    for (const watcher of watchers) watcher.planned?.(planned, world, (now - began) / 1_000, now);
    act?.(planned.actions);
    if (!wake) schedule(Math.max(planned.wakeAtMs, now + 1), now, now);
  };

  return {
    world: () => world,
    lastPlan: () => latest,
    lastTurnMs: () => turnMs,
    report,
    watch: (watcher) => void watchers.push(watcher),
    start: (doing) => {
      act = doing;
      soon(clock.now());
    },
    stop: () => {
      act = null;
      retry?.();
      wake?.cancel();
      wake = null;
    },
  };
}

/** Only figures in an agent's report changed: nothing to decide. */
const onlyHeard = (fact: Fact, before: World, after: World): boolean =>
  fact.is === "synced" &&
  before.reports[fact.machine]?.phase === after.reports[fact.machine]?.phase &&
  gpuFitness(before, fact.machine) === gpuFitness(after, fact.machine) &&
  before.machines === after.machines;
