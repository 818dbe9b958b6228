/** The simulator with the queued-runs source reading it, at a pace that tests can wait for. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { GitHubOptions } from "../../../../github/options.ts";
import { start } from "../../../../github/testing/start.ts";
import type { VirtualClock } from "../../../../simulation/clock.ts";
import { eventually, harness, type Options, temporary } from "../harness.ts";
import type { World } from "../world.ts";

/** Pauses as short as can be, and no pacing. */
export const fast = {
  queuedBusyMs: 15,
  queuedIdleMs: 15,
  queuedRunMs: 15,
  queuedMsMin: 5,
  queuedMsMax: 200,
  readsPerMinute: 1e9,
  pointsPerMinute: 1e9,
};
/** A simulator without a secondary limit, which such a pace would hit at once. */
export const unlimited: GitHubOptions = { pointsPerMinute: Infinity, rateLimit: 1e9 };

export async function queuedWorld(simulator: GitHubOptions = {}, options: Options = {}): Promise<World> {
  const sim = await start({ ...unlimited, ...simulator });
  const made = queuedHarness(sim, options);
  made.github.start(made.config);
  return { ...made, sim };
}

/** Not started yet; reads the simulator's first repository. */
export const queuedHarness = (sim: World["sim"], options: Options = {}) =>
  harness({
    url: sim.repositoryUrl,
    secrets: { githubToken: sim.token },
    source: "queued-runs",
    ...options,
    timings: { ...fast, ...options.timings },
  });

/** So many looks from now on, each reported. */
export async function looks(made: Pick<World, "seen">, count = 2): Promise<void> {
  const from = made.seen().length;
  await eventually(() => {
    if (made.seen().length < from + count) throw new Error(`not looked ${count} times`);
  });
}

/** A folder with this workflow, for the simulator to serve as a repository. */
export function repositoryWith(workflow: string): string {
  const directory = temporary();
  mkdirSync(join(directory, ".github/workflows"), { recursive: true });
  writeFileSync(join(directory, ".github/workflows/check.yml"), workflow);
  return directory;
}

/**
 * Lets virtual time pass in steps. The calls go through octokit, which waits in real time: between two steps they come to
 * rest, or time would run ahead of them.
 */
export async function passing(
  clock: VirtualClock,
  made: World,
  ms: number,
  done: () => boolean = () => false,
  stepMs = 500,
): Promise<boolean> {
  const callsSoFar = () => Object.values(made.sim.control.calls()).reduce((sum, count) => sum + count, 0);
  const rest = async () => {
    for (let calm = 0, before = -1; calm < 2; await pause(10)) {
      calm = before === callsSoFar() && made.inFlight() === 0 ? calm + 1 : 0;
      before = callsSoFar();
    }
  };
  const endMs = clock.now() + ms;
  await rest();
  while (!done() && clock.now() < endMs) {
    await clock.advance(Math.min(stepMs, endMs - clock.now()));
    await rest();
  }
  return done();
}
