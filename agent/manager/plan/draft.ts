/** The plan while it is being made: actions so far and the next moment at which time alone changes something. */
import type { Action } from "./action.ts";
import type { Limits } from "../limits.ts";
import type { Ms, World } from "../world.ts";

export interface Draft {
  readonly world: World;
  readonly now: Ms;
  readonly limits: Limits;
  actions: Action[];
  wakeAtMs: Ms;
  /** Machines that this plan ends or retires: nothing else is decided for them. */
  readonly leaving: Set<string>;
  /** Half-open circuits through which this plan already sends a probe. */
  readonly probed: Set<string>;
  add(action: Action): void;
  /** True when `dueMs` has come; otherwise the loop looks again then. */
  due(dueMs: Ms): boolean;
}

export function draft(world: World, now: Ms, limits: Limits): Draft {
  const paper: Draft = {
    world,
    now,
    limits,
    actions: [],
    wakeAtMs: now + limits.tickMsMax,
    leaving: new Set(),
    probed: new Set(),
    add: (action) => void paper.actions.push(action),
    due: (dueMs) => {
      if (now >= dueMs) return true;
      paper.wakeAtMs = Math.min(paper.wakeAtMs, dueMs);
      return false;
    },
  };
  return paper;
}
