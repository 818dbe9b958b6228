/** The two GitHubs of `npm start`: the simulator, which is asked to run a workflow, and the real one, which is not. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { connectControl } from "../../test/github/control-client.ts";
import type { RunState } from "./watch.ts";

const callMs = 10_000;
const workflow = "check.yml";

export interface SimulatedRun {
  id: number;
  state: () => Promise<RunState>;
  /** Cancels what runs, so that nobody has to wait for it; nothing happens when it is over. */
  cancel: () => Promise<void>;
  /** Names of jobs that failed, with the end of what they printed. */
  failures: () => Promise<readonly string[]>;
}

const control = (url: string) => connectControl(url, AbortSignal.timeout(callMs));

/** Dispatches this repository's own workflow; its jobs link the packages that are installed here. */
export const dispatch = async (url: string, root: string): Promise<SimulatedRun> => {
  // A job sees the packages at their real place, and not where a link to them lies.
  const inputs = { packages: await realpath(join(root, "node_modules")) };
  const { id } = await control(url).dispatchWorkflow({ workflow, inputs });
  return {
    id,
    state: async () => {
      const run = await control(url).run(id);
      const results = run.jobs.map((job) => job.conclusion).filter((result) => result !== "skipped");
      return { over: run.status === "completed", results };
    },
    cancel: async () => void (await control(url).cancelRun(id)),
    failures: async () => {
      const { jobs } = await control(url).run(id);
      return jobs
        .filter(({ conclusion }) => conclusion !== "succeeded" && conclusion !== "skipped")
        .flatMap(({ name, conclusion, log }) => [
          `${name}: ${conclusion ?? "never ended"}`,
          ...log
            .trimEnd()
            .split("\n")
            .slice(-15)
            .map((line) => `  | ${line}`),
        ]);
    },
  };
};

/** Names of the records that stand at the simulator. */
export const standing = async (url: string): Promise<{ runners: string[]; scaleSets: string[] }> => {
  const [runners, sets] = await Promise.all([control(url).runners(), control(url).scaleSets()]);
  return { runners: runners.map(({ name }) => name), scaleSets: sets.map(({ name }) => name) };
};
