/** What a plan orders, as figures. */
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { type Action, plan } from "../../../agent/manager/plan.ts";
import type { World } from "../../../agent/manager/world.ts";
import { now } from "./worlds.ts";

export const launchCount = (world: World, pool?: string, offerKey?: string) =>
  plan(world, now, limits)
    .actions.filter((action) => action.do === "launch")
    .filter((action) => (!pool || action.pool === pool) && (!offerKey || action.offer === offerKey))
    .reduce((sum, { count }) => sum + count, 0);
export const actionsOf = <K extends Action["do"]>(world: World, kind: K) =>
  plan(world, now, limits).actions.filter(
    (action): action is Extract<Action, { do: K }> => action.do === kind,
  );
