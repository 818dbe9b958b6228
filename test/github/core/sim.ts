/** What every part of the simulator works with. */
import type { Clock } from "../../../agent/manager/deps.ts";
import type { ResolvedOptions } from "../options.ts";
import { archiveSource, type ArchiveSource } from "./archive.ts";
import { createChanges, type Changes } from "./changes.ts";
import { Faults } from "./faults.ts";
import { emptyState, type Event, type State } from "./state.ts";
import { Tokens } from "./tokens.ts";

export interface Sim {
  options: ResolvedOptions;
  clock: Clock;
  state: State;
  tokens: Tokens;
  faults: Faults;
  changes: Changes;
  archive: ArchiveSource;
  /** `http://127.0.0.1:4000`, known once it listens. */
  origin: string;
  /** Uniform in [0, 1), by seed. */
  random: () => number;
  /** Positive, rising, each its own series. */
  nextId: (series: string) => number;
  /** Calls back after `ms` unless cancelled, or never when null; dies with the simulator. */
  later: (ms: number | null, callback: () => void) => () => void;
  /** Notes what happened and wakes those who wait for it. */
  happened: (event: Omit<Event, "atMs">) => void;
  stopTimers: () => void;
}

/** Mulberry32: small, seeded, good enough to draw outcomes. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function createSim(options: ResolvedOptions): Sim {
  const { clock } = options;
  const state = emptyState();
  const changes = createChanges(clock);
  const counters = new Map<string, number>();
  const timers = new Set<() => void>();
  return {
    options,
    clock,
    state,
    changes,
    archive: archiveSource(options.archive),
    tokens: new Tokens(clock),
    faults: new Faults(clock),
    origin: "",
    random: seeded(options.seed),
    nextId: (series) => {
      const id = (counters.get(series) ?? 0) + 1;
      counters.set(series, id);
      return id;
    },
    later: (ms, callback) => {
      if (ms === null) return () => {};
      const cancel = clock.after(ms, () => {
        timers.delete(cancel);
        callback();
      });
      timers.add(cancel);
      return () => {
        timers.delete(cancel);
        cancel();
      };
    },
    happened: (event) => {
      state.events.push({ atMs: clock.now(), ...event });
      changes.notify();
    },
    stopTimers: () => {
      for (const cancel of timers) cancel();
      timers.clear();
    },
  };
}
