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
  /** Ending sessions delays the manager's end by at most so long. */
  stopMs: 5 * second,
};
export type Timings = typeof defaultTimings;
