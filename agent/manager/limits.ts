/**
 * Every constant the manager decides by, with its reason, and the relations between them. Tests and the simulation
 * pass other values; nothing else in the manager holds a number of its own.
 */
import type { Ms } from "./deps.ts";

const second = 1_000;
const minute = 60 * second;

export const defaultLimits = {
  /** A burst of facts is planned once: after so long without a new one ... */
  coalesceIdleMs: 5,
  /** ... but at most so long after the first; the promise is a launch call within a second. */
  coalesceMsMax: 100,
  /** The loop looks again at least so often, whatever it was told. */
  tickMsMax: 10 * second,
  /** Backends are listed so often, and at once after an unknown launch. */
  listPeriodMs: 15 * second,
  /** First pause before a backend with free lists is asked again whether a destroyed machine is gone. */
  listEagerMs: 50,
  /** A list older than this is stale: nothing is destroyed on it. */
  listFreshMs: 60 * second,
  /** GitHub's figures older than this are stale: no launches for that pool. A poll is held 50 s. */
  demandFreshMs: 120 * second,
  /** A lost answer risks so many machines at most. */
  launchBatchMax: 100,
  launchTimeoutMs: 60 * second,
  /** After the last send of an unknown launch plus visibilityGraceMs, two fresh lists decide. */
  unknownSettleMs: 120 * second,
  /** New machines may be missing from lists for so long. */
  visibilityGraceMs: 60 * second,
  /** After a lost journal launches wait for a first list of every backend, but for a broken one not for ever. */
  unlistedMsMax: 900 * second,
  /** A machine is lost when so many lists in a row lack it ... */
  lostAfterLists: 2,
  /** ... which are at least so far apart. */
  lostAfterMs: 10 * second,
  /** Asked to enrolled. */
  bootDeadlineMs: 300 * second,
  /** A cloud's clock and ours may differ by so much; a signed document tells of times. */
  clockSkewMs: 60 * second,
  /** Minted to listening. */
  registerDeadlineMs: 180 * second,
  /** Enrolled to ready: the archive of a slow network is some 200 MB. */
  prepareDeadlineMs: 1_800 * second,
  /** A graphics processor that is there gets so long after the enrolment for its driver to come up. */
  gpuGraceMs: 60 * second,
  /** A runner that listens takes a waiting job within seconds; after so long it is replaced. */
  deafMs: 300 * second,
  /** A machine that listed as stopped gets so long for the agent's last words. */
  stoppedGraceMs: 2 * second,
  /** A finished machine that was told to end gets so long before the backend is asked to destroy it. */
  endGraceMs: 10 * second,
  /** Agents sync at least so often. */
  syncPeriodMs: 30 * second,
  /** Three missed syncs. Such a machine gets no registration; its job goes on. */
  syncLateMs: 90 * second,
  /** An agent without a manager for so long stops its idle runner. */
  deadManMs: 600 * second,
  /** A sync is held open so long for a machine that may soon get an order. */
  syncHoldMs: 25 * second,
  /** At most so many syncs are held open; 75 KB each outside the heap. */
  syncHeldMax: 300,
  /** After its registration was deleted an idle Listener has so long to exit by itself. */
  retireGraceMs: 10 * second,
  /** GitHub says that the job on this machine ended; the agent has so long to say so too. */
  jobEndedGraceMs: 60 * second,
  /** A busy machine is checked at GitHub so often when GitHub did not call it busy, or nobody may say when its job is over. */
  doubtMs: 300 * second,
  /** A finished machine's record that GitHub keeps for so long is called a leak. */
  leakMs: 300 * second,
  /** A job of a pool that is gone from the settings, with its maxJobTime, gets GitHub's own default. */
  orphanJobMs: 360 * minute,
  /** How long a machine that says it runs a job is believed before GitHub's figures must show it. */
  startConfirmMs: 60 * second,
  /** A failed DELETE or mint is repeated after so long; a busy refusal as well. */
  removeRetryMs: 30 * second,
  mintRetryMs: 5 * second,
  mintTimeoutMs: 60 * second,
  /** A machine that never enrolled is destroyed so much later at most, for what its cloud can tell of its boot ... */
  evidenceTimeoutMs: 5 * second,
  /** ... which it is asked of so many machines a minute: those that fail together fail alike. */
  evidencePerMinute: 4,
  /** Asked again so often until the machine is gone. */
  destroyRetryMs: 5 * second,
  /** A list names at most so many machines to kill without a launch of ours, per pass. */
  sweepShareMax: 10,
  /** Circuits: first pause by reason; doubled each time up to the maximum. */
  circuitMs: {
    "no-capacity": 180 * second,
    "no-address": 180 * second,
    quota: 600 * second,
    unsupported: 6 * 60 * minute,
    throttled: 1 * second,
    unavailable: 1 * second,
    denied: 300 * second,
    "bad-request": 600 * second,
    "never-enrolled": 600 * second,
    "registration-removed": 600 * second,
    "no-gpu": 600 * second,
    interrupted: 180 * second,
    unknown: 5 * second,
  },
  circuitMsMax: {
    "no-capacity": 1_800 * second,
    "no-address": 1_800 * second,
    quota: 3_600 * second,
    unsupported: 6 * 60 * minute,
    throttled: 60 * second,
    unavailable: 60 * second,
    denied: 300 * second,
    "bad-request": 600 * second,
    "never-enrolled": 3_600 * second,
    "registration-removed": 3_600 * second,
    "no-gpu": 3_600 * second,
    interrupted: 1_800 * second,
    unknown: 60 * second,
  },
  /** A probe that nobody answered is forgotten after so long. */
  probeMs: 300 * second,
  /** Of the last `bootsKept` boots so many failed: stop spending on that recipe. */
  bootsKept: 4,
  bootFailuresMax: 2,
  /** Completed jobs are forgotten after so long (the history keeps them). */
  jobKeptMs: 10 * minute,
  /** A job that nobody spoke of for so long is forgotten; GitHub keeps a queued job 24 h. */
  jobSilentMs: 25 * 60 * minute,
  /** Lost jobs: runs are asked about at most so many at a time. */
  rerunsAtOnce: 5,
  /** A run is looked at first so long after the loss, then in growing pauses: GitHub gives a silent job up after 10 min. */
  rerunPauseMs: 15 * second,
  rerunPauseMsMax: 300 * second,
  /** ... and soon after one of its jobs ended. */
  rerunNewsMs: 2 * second,
  /** A look, or a call. */
  rerunTimeoutMs: 60 * second,
  /** A call whose answer was lost has had its effect by then, or never will. */
  rerunSettleMs: 120 * second,
  /** Asked again after a refusal; somebody has to act. */
  rerunRefusedMs: 10 * minute,
  /** GitHub runs nothing again that began longer ago (docs: 30 days). */
  rerunWaitMsMax: 30 * 24 * 60 * minute,
  /** GitHub's message that names a lost runner's run comes with its job's end, or was lost. */
  lossUnnamedMs: 24 * 60 * minute,
  /** A re-run is remembered: it may wait for 24 h and run for 5 days (docs), and is not made a second time. */
  lossKeptMs: 7 * 24 * 60 * minute,
  /** A job that ended so long before its machine was called lost, and whose agent was heard since, ended by itself. */
  lossWindowMs: 120 * second,
  /** The journal's heartbeat; one older than unknownSettleMs + visibilityGraceMs counts as lost. */
  heartbeatMs: 10 * second,
  /** A journal that could not be written is tried again so often; until it can be, nothing is launched. */
  journalRetryMs: 5 * second,
  /** Room of the journal's own: 500 machines with their launches take some 2 MB, the rest is for years of changes. */
  journalBytes: 64 * 1024 ** 2,
  /** Given up when a manager starts on a full disk: the write-ahead log (4 MB between checkpoints) and its index. */
  journalReserveBytes: 8 * 1024 ** 2,
  /** The room is taken some seconds after a start, 1 MB at a time, and looked after from time to time. */
  reserveFirstMs: 5 * second,
  reserveStepMs: 100,
  reservePeriodMs: 60 * second,
  /** The distance to GitHub: measured so often, sooner while not all hosts are known, each given up after so long. */
  connectPeriodMs: 30 * second,
  connectFirstMs: 5 * second,
  connectTimeoutMs: 5 * second,
  machinesMax: 2_000,
  actionsPerPlanMax: 200,
  mapsMax: 10_000,
};
export type Limits = typeof defaultLimits;

/** Throws when a relation that the rules rest on does not hold. */
export function assertLimits(limits: Limits): void {
  const holds = (ok: boolean, what: string) => {
    if (!ok) throw new Error(`limits.ts: this must hold and does not: ${what}`);
  };
  holds(limits.launchTimeoutMs < limits.unknownSettleMs, "launchTimeoutMs < unknownSettleMs");
  holds(limits.unknownSettleMs < limits.bootDeadlineMs, "unknownSettleMs < bootDeadlineMs");
  holds(limits.clockSkewMs < limits.bootDeadlineMs, "clockSkewMs < bootDeadlineMs");
  holds(3 * limits.syncPeriodMs <= limits.syncLateMs, "3 x syncPeriodMs <= syncLateMs");
  holds(limits.syncLateMs < limits.deadManMs, "syncLateMs < deadManMs");
  holds(limits.syncHoldMs < limits.syncPeriodMs, "syncHoldMs < syncPeriodMs");
  holds(limits.launchBatchMax <= limits.actionsPerPlanMax, "launchBatchMax <= actionsPerPlanMax");
  holds(limits.listPeriodMs < limits.listFreshMs, "listPeriodMs < listFreshMs");
  holds(limits.coalesceIdleMs <= limits.coalesceMsMax, "coalesceIdleMs <= coalesceMsMax");
  holds(limits.coalesceMsMax < limits.tickMsMax, "coalesceMsMax < tickMsMax");
  holds(limits.heartbeatMs < journalQuietMs(limits), "heartbeatMs < unknownSettleMs + visibilityGraceMs");
  holds(journalQuietMs(limits) < limits.unlistedMsMax, "unknownSettleMs + visibilityGraceMs < unlistedMsMax");
  holds(limits.journalReserveBytes < limits.journalBytes, "journalReserveBytes < journalBytes");
  // A sync must have the time to tell of a driver that came up, and the archive is unpacked meanwhile.
  holds(limits.syncPeriodMs < limits.gpuGraceMs, "syncPeriodMs < gpuGraceMs");
  holds(limits.gpuGraceMs < limits.prepareDeadlineMs, "gpuGraceMs < prepareDeadlineMs");
  holds(limits.rerunTimeoutMs < limits.rerunSettleMs, "rerunTimeoutMs < rerunSettleMs");
  holds(limits.rerunPauseMs <= limits.rerunPauseMsMax, "rerunPauseMs <= rerunPauseMsMax");
  holds(limits.connectTimeoutMs <= limits.connectPeriodMs, "connectTimeoutMs <= connectPeriodMs");
  for (const [reason, ms] of Object.entries(limits.circuitMs))
    holds(
      ms <= limits.circuitMsMax[reason as keyof Limits["circuitMs"]],
      `circuitMs <= circuitMsMax: ${reason}`,
    );
}
/** After a lost journal nothing is launched for so long: a call sent before may land late and be listed later still. */
export const journalQuietMs = (limits: Limits): Ms => limits.unknownSettleMs + limits.visibilityGraceMs;

assertLimits(defaultLimits);
