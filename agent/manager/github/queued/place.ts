/** Everything of the queued-runs source that belongs to one `github.url`, put together. */
import type { ManagerConfig } from "../../../manager-config.ts";
import type { Deps } from "../../deps.ts";
import type { Rest } from "../login.ts";
import type { Timings } from "../timings.ts";
import type { Target } from "../url.ts";
import { makeGroups } from "./groups.ts";
import { type Notes, openNotes } from "./notes.ts";
import { makePoints } from "./points.ts";
import { makeQuota } from "./quota.ts";
import { makeReader } from "./reader.ts";
import { makeRepositories } from "./repositories.ts";
import { makeRestRunners, type RestRunners } from "./runners.ts";
import { makeQueuedRuns, type QueuedRuns } from "./source.ts";

export interface QueuedPlace {
  runs: QueuedRuns;
  runners: RestRunners;
  notes: Notes;
}
export interface QueuedPlaceTools {
  target: Target;
  directory: string;
  /** With the rights that reading runs needs. */
  rest: () => Rest;
  login: () => ManagerConfig["github"]["login"];
  timings: Timings;
  deps: Deps;
}

/** Asks nothing of GitHub before a pool is served. */
export function makeQueuedPlace({
  target,
  directory,
  rest,
  login,
  timings,
  deps,
}: QueuedPlaceTools): QueuedPlace {
  const notes = openNotes(directory, target.url, deps);
  const points = makePoints(timings, deps);
  const quota = makeQuota(timings, deps);
  const reader = makeReader(rest, points, quota, timings);
  const repositories = makeRepositories(target, () => login().kind, reader, timings, deps);
  const alone = target.kind === "repository";
  const runs = makeQueuedRuns({ name: target.url, alone, notes, reader, repositories, quota, timings, deps });
  // Its own count: what registrations read is no part of a turn.
  const groups = makeGroups(target, makeReader(rest, points, quota, timings));
  const runners = makeRestRunners({ target, rest, points, groups, notes, timings, deps });
  return { runs, runners, notes };
}
