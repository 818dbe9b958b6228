/**
 * Every decision the manager can make, from what it believes and the time alone. Pure and total: the same world gives
 * the same plan, in any order of its maps, and nothing is changed. Read this file as the table of contents.
 *
 * Order inside a plan: destroy, then what ends or frees machines, then re-runs, registrations, launches.
 */
import type { Action } from "./plan/action.ts";
import { cleanUp } from "./plan/clean.ts";
import { type Draft, draft } from "./plan/draft.ts";
import { endings } from "./plan/endings.ts";
import { launches } from "./plan/launch.ts";
import { mints } from "./plan/mint.ts";
import { type PoolFigures, poolFigures } from "./plan/figures.ts";
import { reruns } from "./plan/reruns.ts";
import { retirements, retireUnknown } from "./plan/retire.ts";
import type { WaitReason } from "./view.ts";
import type { Limits } from "./limits.ts";
import type { Machine, Ms, PoolName, World } from "./world.ts";

export type { Action, PoolFigures };

export interface Plan {
  actions: readonly Action[];
  /** Why jobs of a pool wait although they are wanted; empty when nothing holds them up. */
  refusals: Readonly<Record<PoolName, readonly WaitReason[]>>;
  /** How many jobs each pool can hold now, running ones included: X-ScaleSetMaxCapacity. */
  capacity: Readonly<Record<PoolName, number>>;
  figures: Readonly<Record<PoolName, PoolFigures>>;
  /** Look again then, whatever happens before. */
  wakeAtMs: Ms;
}

export function plan(world: World, now: Ms, limits: Limits): Plan {
  const paper: Draft = draft(world, now, limits);
  const pools = byPool(world);
  const figures = Object.fromEntries(
    sortedKeys(world.config.pools).map((pool) => [pool, poolFigures(paper, pool, pools.get(pool) ?? [])]),
  );
  const everything = sortedValues(world.machines);
  cleanUp(paper, everything);
  endings(paper, everything);
  retireUnknown(paper, everything);
  for (const pool of Object.keys(figures)) retirements(paper, pool, figures[pool]!);
  reruns(paper);
  for (const pool of Object.keys(figures)) mints(paper, pool, figures[pool]!);
  const { refusals, capacity } = launches(paper, figures);
  return {
    actions: paper.actions.slice(0, limits.actionsPerPlanMax),
    refusals,
    capacity,
    figures,
    wakeAtMs: paper.actions.length > limits.actionsPerPlanMax ? now : paper.wakeAtMs,
  };
}

const sortedKeys = (record: Readonly<Record<string, unknown>>) => Object.keys(record).sort();

function sortedValues(machines: World["machines"]): Machine[] {
  return Object.values(machines).sort((a, b) => a.askedMs - b.askedMs || (a.id < b.id ? -1 : 1));
}

function byPool(world: World): Map<PoolName, Machine[]> {
  const pools = new Map<PoolName, Machine[]>();
  for (const machine of sortedValues(world.machines)) {
    const list = pools.get(machine.pool);
    if (list) list.push(machine);
    else pools.set(machine.pool, [machine]);
  }
  return pools;
}
