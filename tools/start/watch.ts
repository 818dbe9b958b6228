/** Follows the jobs until they are over, and shows their way. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Screen } from "../terminal/screen.ts";
import { changes, jobsOf, managerState, type Job, type ManagerState } from "./jobs.ts";
import { StartError, tail } from "./errors.ts";
import { changeLine, liveTable } from "./tables.ts";

const everyMs = 250;
const requestMs = 5_000;
/** A manager that is silent for so long will not come back: its supervisor restarts it within seconds. */
const silentMs = 60_000;
/** Between GitHub's word that a run is over and the manager's. */
const lastWordsMs = 15_000;
/** A manager that has just started has not been heard by GitHub yet: no reason to speak of it. */
const settleMs = 5_000;

/** What GitHub says of the run that is followed. */
export interface RunState {
  over: boolean;
  /** One for each job that was not skipped; null while it is under way. */
  results: readonly (string | null)[];
}

export interface WatchDeps {
  screen: Screen;
  /** Rejects while the manager does not answer. */
  state: () => Promise<ManagerState>;
  /** null where no single run is followed: then every job of the manager is shown, until the signal. */
  run: (() => Promise<RunState>) | null;
  now: () => number;
  sleep: (ms: number) => Promise<unknown>;
}

export const realWatchDeps = (screen: Screen, address: string, run: WatchDeps["run"]): WatchDeps => ({
  screen,
  run,
  state: async () => {
    const answer = await fetch(`${address}/api/state`, { signal: AbortSignal.timeout(requestMs) });
    return managerState.parse(await answer.json());
  },
  now: () => Date.now(),
  sleep: (ms) => sleep(ms),
});

export interface WatchOptions {
  /** GitHub's id of the run, to tell its jobs from others; null for all. */
  runId: number | null;
  /** The manager's log, whose end is shown when something is wrong. */
  log: string;
  /** The run must be over after so long. */
  limitMs: number;
  signal: AbortSignal;
  /** Told of the jobs each time the manager was asked, also when the watching ends early. */
  seen: (jobs: readonly Job[]) => void;
}

/** What is known while it goes on. */
interface Known {
  startedMs: number;
  jobs: readonly Job[];
  /** The manager's last answer, and why there has been none since. */
  heardMs: number;
  silence: string;
  overMs: number | null;
  /** Reasons that were printed. */
  said: Set<string>;
}

/** Why a pool's jobs wait, each sentence once. */
const reasonLines = (state: ManagerState, said: Set<string>, sinceMs: number): string[] =>
  state.pools.flatMap((pool) => {
    const { is, why } = pool.github;
    const silent = is === "stale" || (is === "never" && sinceMs > settleMs);
    const github = silent ? [`GitHub is not heard: ${why ?? "no reason"}`] : [];
    const all = [...pool.reasons.map(({ reason, detail }) => `${reason}: ${detail}`), ...github];
    // A sentence that counts seconds is the same sentence.
    const key = (text: string) => `${pool.name} ${text.replaceAll(/\d+/g, "0")}`;
    const fresh = all.filter((text) => !said.has(key(text)));
    for (const text of fresh) said.add(key(text));
    return fresh.map((text) => `            pool ${pool.name} waits: ${text}`);
  });

const look = async (known: Known, options: WatchOptions, deps: WatchDeps): Promise<void> => {
  const { screen } = deps;
  const state = await deps.state().catch((error: Error) => {
    known.silence = error.message;
    return null;
  });
  if (state === null) return;
  known.heardMs = deps.now();
  const latest = jobsOf(state, options.runId);
  const sinceMs = deps.now() - known.startedMs;
  if (!screen.live) for (const change of changes(known.jobs, latest)) screen.say(changeLine(change, sinceMs));
  for (const line of reasonLines(state, known.said, sinceMs)) screen.say(line);
  known.jobs = latest;
  options.seen(latest);
};

/** GitHub says that the run is over, and the manager that its jobs are; the manager may hear it a little later. */
const isOver = async (known: Known, deps: WatchDeps): Promise<boolean> => {
  const run = deps.run === null ? null : await deps.run();
  if (run === null || !run.over) return false;
  known.overMs ??= deps.now();
  const agreed = known.jobs.length > 0 && known.jobs.every((job) => job.state === "completed");
  return agreed || deps.now() - known.overMs > lastWordsMs;
};

const problem = (known: Known, options: WatchOptions, now: number): { what: string; cure: string } | null => {
  if (now - known.heardMs > silentMs)
    return {
      what: `the manager has not answered for ${silentMs / 1000} s (${known.silence}).`,
      cure: '"npm run muster -- local status" says what runs.',
    };
  if (now - known.startedMs <= options.limitMs) return null;
  const open = known.jobs
    .filter((job) => job.state !== "completed")
    .map((job) => `${job.name} (${job.waitsFor})`);
  return {
    what: `the jobs were not done within ${options.limitMs / 60_000} min; open: ${open.join(", ") || "none that the manager knows"}.`,
    cure: "docs/reasons.md explains what a job waits for.",
  };
};

/**
 * Shows the jobs until the run is over, or until the signal where no run is followed.
 * @throws StartError when the manager is gone or the run takes longer than the limit; the signal's reason
 */
export const watch = async (options: WatchOptions, deps: WatchDeps): Promise<void> => {
  const { screen, now } = deps;
  const startedMs = now();
  const known: Known = {
    startedMs,
    jobs: [],
    heardMs: startedMs,
    silence: "",
    overMs: null,
    said: new Set(),
  };
  try {
    while (!options.signal.aborted) {
      await look(known, options, deps);
      screen.draw(liveTable(known.jobs, now(), screen.rows(), screen.columns() - 1));
      if (await isOver(known, deps)) break;
      const wrong = problem(known, options, now());
      if (wrong !== null)
        throw new StartError(wrong.what, { cure: wrong.cure, log: await tail(options.log) });
      await deps.sleep(everyMs);
    }
  } finally {
    screen.clear();
  }
  if (deps.run !== null) options.signal.throwIfAborted();
};
