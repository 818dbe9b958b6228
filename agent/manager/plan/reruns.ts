/** Lost jobs: the runs at which GitHub is to be asked whether they can be run again now. */
import { isOpenLoss, type Loss } from "../losses.ts";
import { isDraining, type Ms } from "../world.ts";
import type { Draft } from "./draft.ts";

export function reruns(paper: Draft): void {
  const { world, limits } = paper;
  // A re-run that could be forgotten is not asked for.
  if (!world.journalWritable) return;
  const runs = new Map<string, Loss[]>();
  const inOrder = Object.values(world.losses).sort((a, b) => a.lookMs - b.lookMs || (a.id < b.id ? -1 : 1));
  for (const loss of inOrder) {
    if (!isOpenLoss(loss) || loss.run === null || loss.repository === null) continue;
    if (isDraining(world, loss.pool)) continue;
    const key = `${loss.repository}#${loss.run}`;
    runs.set(key, [...(runs.get(key) ?? []), loss]);
  }
  const due = [...runs].filter(([, losses]) => paper.due(dueMs(losses)));
  for (const [key, [first]] of due.slice(0, limits.rerunsAtOnce)) {
    const { repository, run, pool } = first!;
    paper.add({ key: `rerun:${key}`, do: "rerun", repository: repository!, run: run!, pool });
  }
}

/** When the first of a run's losses wants to know, but not while a call to that run is out or in doubt. */
const dueMs = (losses: readonly Loss[]): Ms =>
  Math.max(losses[0]!.lookMs, ...losses.filter(({ sends }) => sends > 0).map(({ lookMs }) => lookMs));
