/**
 * The kinds of faults and when they strike. Probability and stability are kept apart: a kind is active in epochs, so that
 * trouble stays for a while and progress between is possible, and within an epoch each call is struck by chance.
 */
import type { Clock } from "../../agent/manager/deps.ts";
import type { Prng } from "./prng.ts";

/** Each with what it does; the key that it strikes by is a backend, a pool or nothing. */
export const faultKinds = {
  shortage: "an offer has no machines to give",
  "launch-refused": "a launch is refused before it has an effect",
  "launch-answer-lost": "machines are made, the answer is lost",
  "launch-slow": "a launch takes up to 90 s, longer than the manager waits",
  "launch-partial": "some of the machines asked for are made",
  "list-fails": "a list ends with an error on its second page",
  "list-late": "new machines are listed up to 50 s late",
  "list-short": "one list lacks a machine that exists",
  "destroy-ignored": "a destroy is answered and not carried out",
  "destroy-fails": "a destroy is refused",
  "boot-stuck": "a machine starts and its agent never does",
  "sudden-death": "a machine is gone from one moment to the next",
  "github-down": "GitHub answers nothing",
  "session-gone": "a pool's message session is gone for a while",
  "message-late": "messages come up to 10 s late",
  "message-lost": "a message is never delivered",
  "message-twice": "a message is delivered twice",
  "message-reordered": "two messages change places",
  "mint-refused": "a registration is refused",
  "mint-answer-lost": "a runner is registered, the answer is lost",
  "remove-refused": "a runner's deletion is refused as busy although it is not",
  "remove-fails": "a runner's deletion fails",
  "remove-answer-lost": "a runner is deleted, the answer is lost",
  "job-cancelled": "somebody cancels a job, often while its machine boots",
  "registration-removed": "GitHub removes a registration that is idle for minutes",
  "never-enrols": "an agent starts and never enrols",
  "enrols-twice": "somebody repeats an enrolment later, with the same token",
  "sync-dropped": "a sync or its answer is lost",
  "sync-repeated": "an earlier sync arrives once more, late",
  "agent-dies": "an agent dies in silence, with its runner",
  "ignores-end": "an agent does nothing on being told to end",
  crash: "the manager dies at a random event and is back later",
  "journal-lost": "a crash of the manager takes its journal along",
  "journal-old": "after a crash an older copy of the journal is put in its place",
  pause: "the manager stands still for 1 to 120 s",
  "clock-jump": "the wall clock jumps by up to 10 minutes between two runs of the manager",
  "settings-changed": "a pool's max is changed, or the pool is taken away",
  "journal-unwritable": "the disk of the journal is full for a while",
  "rerun-answer-lost": "a run begins again, the answer is lost",
} as const;
export type FaultKind = keyof typeof faultKinds;
export const allKinds = Object.keys(faultKinds) as FaultKind[];

export interface FaultOptions {
  /** Per call, while the kind is active. */
  probability: number;
  /** Longest epoch; the shortest is a tenth. */
  stabilityMs: number;
}
export type FaultPlan = Partial<Record<FaultKind, FaultOptions>>;

export interface Faults {
  readonly plan: FaultPlan;
  /** True when this call is struck; `key` has epochs of its own. */
  strikes(kind: FaultKind, key?: string): boolean;
  /** True while a kind is active at all, for faults that are states and not calls. */
  active(kind: FaultKind, key?: string): boolean;
  /** Switches a kind on or off by hand, for stories; null gives it back to the plan. */
  force(kind: FaultKind, on: boolean | null): void;
  /** No fault at the keys that pass from now on; at the others whatever was planned is permanent. */
  settle(healed: (kind: FaultKind, key: string) => boolean): void;
}

export function makeFaults(plan: FaultPlan, random: Prng, clock: Clock): Faults {
  const epochs = new Map<string, { active: boolean; endMs: number; random: Prng }>();
  const forced = new Map<FaultKind, boolean>();
  let healed: ((kind: FaultKind, key: string) => boolean) | null = null;
  const epoch = (kind: FaultKind, key: string, { stabilityMs }: FaultOptions) => {
    const id = `${kind} ${key}`;
    let now = epochs.get(id);
    if (!now) epochs.set(id, (now = { active: false, endMs: 0, random: random.split(id) }));
    while (clock.now() >= now.endMs) {
      now.active = now.random.chance(0.5);
      now.endMs = clock.now() + now.random.ms(stabilityMs / 10, stabilityMs);
    }
    return now;
  };
  const active = (kind: FaultKind, key = "") => {
    const byHand = forced.get(kind);
    if (byHand !== undefined) return byHand;
    const options = plan[kind];
    if (!options) return false;
    if (healed) return !healed(kind, key);
    return epoch(kind, key, options).active;
  };
  return {
    plan,
    active,
    strikes: (kind, key = "") => {
      if (!active(kind, key)) return false;
      const options = plan[kind];
      return (
        forced.has(kind) ||
        healed !== null ||
        options === undefined ||
        epoch(kind, key, options).random.chance(options.probability)
      );
    },
    force: (kind, on) => void (on === null ? forced.delete(kind) : forced.set(kind, on)),
    settle: (next) => void (healed = next),
  };
}
