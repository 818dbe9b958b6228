/** What `npm start` is given, and what it has made so far. */
import type { LocalStack, StackOutputs } from "../engine/local-stack.ts";
import type { Screen } from "../terminal/screen.ts";
import type { SimulatedRun } from "./github.ts";
import type { Job } from "./jobs.ts";
import type { StartOptions } from "./options.ts";
import type { Standing } from "./real-github.ts";
import type { Simulator } from "./simulator.ts";

export interface Context {
  root: string;
  options: StartOptions;
  screen: Screen;
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
}

/** What stands at the moment, filled in as it is made: the way down needs no more than this. */
export interface Made {
  stack: LocalStack | null;
  outputs: StackOutputs | null;
  simulator: Simulator | null;
  /** Asks GitHub, the simulated or the real one, for what this stack has there; null before there is a stack. */
  standing: (() => Promise<Standing>) | null;
  /** `up` was begun: something may stand. */
  up: boolean;
  run: SimulatedRun | null;
  /** As the manager last told of them. */
  jobs: readonly Job[];
  /** As GitHub says at the end of the run. */
  results: readonly (string | null)[] | null;
}

export const nothingMade = (): Made => ({
  stack: null,
  outputs: null,
  simulator: null,
  standing: null,
  up: false,
  run: null,
  jobs: [],
  results: null,
});
