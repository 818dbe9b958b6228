/** Workflow runs in virtual time: what GitHub tells of them, and new attempts of those that have ended. */
import type { Clock } from "../../../agent/manager/deps.ts";
import type { SeenJob, SeenRun } from "../../../agent/manager/losses.ts";
import type { GitHub } from "../../../agent/manager/ports.ts";
import type { Story } from "../events.ts";
import type { Faults } from "../faults.ts";
import type { Prng } from "../prng.ts";
import type { JobsApi, SimJob } from "./jobs.ts";

export interface Reruns {
  seeRun: GitHub["seeRun"];
  rerun: GitHub["rerun"];
  /** All its jobs are over in its present attempt. */
  isOver(run: number): boolean;
}

const conclusions = { succeeded: "success", failed: "failure", canceled: "cancelled" } as const;

/** @param queue the same job once more, in a new attempt */
export function makeReruns(options: {
  clock: Clock;
  random: Prng;
  faults: Faults;
  story: Story;
  jobs: JobsApi;
  queue: (job: SimJob, attempt: number) => void;
}): Reruns {
  const { clock, random, faults, story, jobs } = options;
  const ofRun = (run: number) => [...jobs.jobs.values()].filter((job) => job.run === run);
  const attemptOf = (run: number) => Math.max(...ofRun(run).map(({ attempt }) => attempt));
  /** The newest of each name. */
  const latest = (run: number) => [...new Map(ofRun(run).map((job) => [job.name, job])).values()];
  const isOver = (run: number) => latest(run).every(({ state }) => state === "completed");
  /** What an attempt takes over has another id in it. */
  const idOf = (job: SimJob, attempt: number) => [...jobs.jobs.keys()].indexOf(job.id) + 1 + 1_000 * attempt;
  const seen = (job: SimJob, attempt: number): SeenJob => ({
    id: idOf(job, attempt),
    name: job.name,
    attempt,
    runner: job.runner,
    conclusion: job.result && conclusions[job.result],
    startedMs: job.queuedMs,
    completedMs: job.state === "completed" ? job.sinceMs : null,
  });
  const conclusionOf = (run: number) => {
    const results = latest(run).map(({ result }) => result);
    return results.includes("failed") ? "failure" : results.includes("canceled") ? "cancelled" : "success";
  };
  const call = async (what: string, signal: AbortSignal) => {
    await clock.sleep(random.ms(20, 2_000), signal);
    if (faults.active("github-down")) throw new Error(`${what}: 503`);
  };

  return {
    isOver,
    seeRun: async (_repository, run, _runners, signal): Promise<SeenRun | null> => {
      await call("reading a run", signal);
      const attempt = attemptOf(run);
      if (!isOver(run))
        return { attempt, completed: false, conclusion: null, jobs: [], whole: false, deployed: new Set() };
      const now = latest(run).map((job) => seen(job, attempt));
      const before = ofRun(run)
        .filter((job) => job.attempt < attempt)
        .map((job) => seen(job, job.attempt));
      const all = [...before, ...now];
      return {
        attempt,
        completed: true,
        conclusion: conclusionOf(run),
        jobs: all,
        whole: true,
        deployed: new Set(),
      };
    },
    rerun: async (_repository, run, wanted, signal) => {
      await call("running jobs again", signal);
      if (!isOver(run)) return "busy";
      const attempt = attemptOf(run);
      const again = latest(run).filter((job) =>
        wanted.do === "failed" ? job.result !== "succeeded" : idOf(job, attempt) === wanted.job,
      );
      const lost = ofRun(run).filter(({ runner }) => runner !== null && wanted.losses.includes(runner));
      story.happened({
        is: "rerun",
        run,
        jobs: again.map(({ name }) => name),
        lost: lost.map(({ name }) => name),
      });
      for (const job of again) options.queue(job, attempt + 1);
      if (faults.strikes("rerun-answer-lost")) throw new Error("running jobs again: connection reset");
      return "taken";
    },
  };
}
