/** Every number of GitHub's side, with its reason. Tests pass shorter ones. */

const second = 1_000;
const minute = 60 * second;

export const defaultTimings = {
  /** One attempt of one call; GitHub mostly answers within a second. */
  callTimeoutMs: 30 * second,
  /** A poll is held about 50 s (measured 51); longer means that the connection is dead. */
  pollTimeoutMs: 90 * second,
  /** Attempts of a call that failed on the way or with 5xx; after that its caller decides. */
  attempts: 3,
  /** Pause between these attempts: the first, doubled up to the longest, each with jitter. */
  retryFirstMs: 250,
  retryMsMax: 5 * second,
  /** Pause of a pool that cannot be heard. */
  pauseFirstMs: 500,
  pauseMsMax: 30 * second,
  /** Another session is open: mostly that of a manager that crashed, which GitHub keeps for a while (not established how long). */
  conflictFirstMs: 2 * second,
  conflictMsMax: 30 * second,
  /** Of a `retry-after` more is not believed. */
  retryAfterMsMax: 10 * minute,
  /** The admin token is renewed when less is left of it. */
  adminSpareMs: 60 * second,
  /** Taken for the life of an admin token that cannot be read; measured: 17 minutes. */
  adminLifeMs: 5 * minute,
  /** An empty answer sooner than this is no long poll: the next one waits for the rest of it. */
  emptyPollMsMin: 1 * second,
  /** Polls are not sent again more often for a risen capacity. */
  reissueMsMin: 100,
  /** So often a message may be unreadable before it is deleted unread. */
  poisonTries: 3,
  /** Ids of messages that were read, kept to know replays. */
  seenMax: 1_000,
  /** A new runner version is seen within a day ... */
  archiveFreshMs: 24 * 60 * minute,
  /** ... and a failed look is repeated after so long. */
  archiveRetryMs: 5 * minute,
  /** Queued runs are read so often while jobs wait or run: three requests, of which the unchanged ones cost no quota. */
  queuedBusyMs: 3 * second,
  /** ... and so often otherwise; a job that comes to an idle pool waits for half of it on average. */
  queuedIdleMs: 6 * second,
  /** Jobs of a run of which nothing is expected soon: none of ours waits there, or the run's own status tells. */
  queuedRunMs: 10 * second,
  /** A runner's end is when its run queues what needed it: its jobs are read at the busy pace for so long. */
  queuedHotMs: 15 * second,
  /** Slower than this they would be stale (limits.ts: demandFreshMs is two minutes). */
  queuedMsMax: 50 * second,
  /** A look that something asked for comes no sooner after the last. */
  queuedMsMin: 250,
  /** Repositories of an organisation without runs or recent pushes. */
  repositoryColdMs: 60 * second,
  /** Pushed within so long: read at the full pace. */
  repositoryHotMs: 60 * minute,
  /** An organisation's repositories come and go rarely. */
  repositoriesFreshMs: 5 * minute,
  /** Requests at a time; octokit lets ten through, and registrations need theirs. */
  readsAtOnce: 6,
  /** After so many requests the figures are told, and what is left waits for the next turn. */
  readsPerTurnMax: 60,
  /** Secondary limit: 900 points a minute, 1 for a read and 5 for a write (docs). Reads take at most half. */
  readsPerMinute: 450,
  /** Reads and writes together stay below it; the rest is for whoever else uses this login. */
  pointsPerMinute: 850,
  /** A registration that cannot leave sooner is refused, so that its caller decides again (its own limit is 60 s). */
  writeWaitMsMax: 20 * second,
  /** Of the hourly quota so much is kept from reads: registrations and removals count as well. */
  quotaKept: 0.1,
  /** A limit that names no time: the docs ask for at least a minute. */
  limitedMs: minute,
  /** Runs, jobs and lists kept for If-None-Match, some 400 bytes each: three empty lists for each of 5,000 repositories. */
  answersMax: 20_000,
  /** A scale set that lost labels is not tried again sooner: GitHub Enterprise Server learns it by an upgrade. */
  labelsLostMs: 24 * 60 * minute,
  /** Who may use the pools is read so often: some four requests, of 5,000 an hour. A repository turns public at any time. */
  accessPeriodMs: 10 * minute,
  /** Pauses after a look that failed: launches wait for the first one. */
  accessRetryFirstMs: 1 * second,
  accessRetryMsMax: 60 * second,
  /** A pool that nobody could look at goes on after so long: GitHub otherwise works, and jobs wait. */
  accessGraceMs: 10 * minute,
  /** One look, of several requests. */
  accessTimeoutMs: 120 * second,
  /** Ending sessions delays the manager's end by at most so long. */
  stopMs: 5 * second,
};
export type Timings = typeof defaultTimings;
