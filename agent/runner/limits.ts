/** Every constant of the runner agent, with its reason. Tests pass other values. */
const second = 1_000;
const minute = 60 * second;

export const defaultLimits = {
  /** The manager may have to ask GitHub for the runner's archive (its limit: 60 s). */
  enrollTimeoutMs: 75 * second,
  /** The manager holds a sync for up to 25 s. */
  syncTimeoutMs: 40 * second,
  /** Pauses between failed calls grow from the first to the last; a sync stays due every 30 s. */
  pauseFirstMs: 250,
  pauseMaxMs: 15 * second,
  /** What a manager may ask for with retry-after. */
  retryAfterMaxMs: 60 * second,
  /** An answer "at once" that came at once: not more often than this. */
  pauseMinMs: 100,
  /** After enrolment the first sync may wait so long for the runner to be ready: it saves a call. */
  firstSyncMs: 2 * second,
  /** What is known of graphics processors goes into the enrolment; it waits so long for nvidia-smi, which can take seconds. */
  gpuFirstLookMs: 1 * second,
  /** A driver that does not answer for so long is broken; a cold one has taken 10 s. */
  gpuLookMs: 20 * second,
  /** Looked at and measured again with a sync, not more often: a sync at every change is no reason. */
  gpuEveryMs: 20 * second,
  connectEveryMs: 20 * second,
  /** Fifty times what is wished for. */
  connectTimeoutMs: 5 * second,
  /** Before enrolment told us better: a machine that powers off waits so long for any manager. */
  deadManMs: 10 * minute,
  /** The last words are tried for so long. */
  farewellMs: 5 * second,
  /** Download: without a byte for so long, in all, and at most so many bytes (a runner has about 200 MB). */
  downloadIdleMs: 30 * second,
  downloadMs: 15 * minute,
  downloadBytesMax: 1024 ** 3,
  /** All addresses are tried so often, over some two minutes, before the machine gives up (a slot never does). */
  downloadRounds: 12,
  /** Unpacked runners kept on a computer, the newest; runners at work hold links of their own. */
  archivesKept: 2,
  /** Exit code 2 of the Listener, as the service wrapper of actions/runner does it; not for ever. */
  relaunchMs: 5 * second,
  relaunchesMax: 10,
  /** Exit codes 3 and 4: run-helper.sh waits as long for `update.finished`. */
  updateMs: 30 * second,
  /** Root's unit takes a job at once, but for a system that is busy with its start. */
  unitStartMs: 2 * minute,
  /** muster-job.service gives SIGINT 30 s; cleaning up after it takes some, too. */
  unitStopMs: 90 * second,
  /** SIGINT cancels a job: its steps get 10 s, the rest is for the report to GitHub. Then SIGTERM, then SIGKILL. */
  interruptMs: 15 * second,
  terminateMs: 5 * second,
  killMs: 5 * second,
  /** A machine that goes too soon after its job makes GitHub say "lost communication" (actions/runner #4309). */
  powerOffGraceMs: 2 * second,
  /** Bytes of one life's Listener output that are kept, and of how many lives. */
  outputBytesMax: 4 * 1024 ** 2,
  outputsKept: 3,
  /** Output is followed by inotify; this is for what it misses. */
  outputPollMs: 500,
};
export type Limits = typeof defaultLimits;
