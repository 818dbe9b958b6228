/** One registration of this machine: the Listener from its start to its end, relaunched where it asks for that. */
import type { LifeEnd } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import { messageOf } from "./errors.ts";
import { verdictOn } from "./exit-code.ts";
import type { Limits } from "./limits.ts";
import type { Line, Listener } from "./listener.ts";
import type { Workplace } from "./workplace.ts";

export interface Life {
  ended: Promise<LifeOutcome>;
  /** A job started and its Listener has not ended yet. */
  busy(): boolean;
  /** Looks for a job that started a moment ago. */
  look(): void;
  /** Ends the Listener; a running job is cancelled. Resolves when it is gone. */
  interrupt(): Promise<void>;
  /** Kills the Listener at once. */
  kill(): void;
}
export interface LifeOutcome {
  end: LifeEnd;
  problem: string | null;
}
export interface LifeOptions {
  life: number;
  workplace: Workplace;
  /** Null: it was begun by the agent before this one. */
  jitConfig: string | null;
  /** `listening` and `running` as they are printed. */
  onLine: (line: Line) => void;
  limits: Limits;
  deps: Deps;
}

export function startLife({ life, workplace, jitConfig, onLine, limits, deps }: LifeOptions): Life {
  const stop = new AbortController();
  let listener: Listener | null = null;
  let ranJob = false;
  let result: string | null = null;
  let over = false;

  const heard = (line: Line) => {
    if (line.is === "running") ranJob = true;
    if (line.is === "completed") result = line.result;
    onLine(line);
  };
  const outcome = (code: number | null, problem: string | null): LifeOutcome => ({
    end: { life, code, ranJob, result },
    problem: stop.signal.aborted ? null : problem,
  });

  const live = async (): Promise<LifeOutcome> => {
    if (jitConfig !== null) await workplace.begin(life);
    for (let launches = 1; ; launches++) {
      if (stop.signal.aborted) return outcome(null, null);
      const present = workplace.start(life, launches, jitConfig, heard);
      listener = present;
      const { code, problem } = await present.ended;
      listener = null;
      deps.log("listener-ended", { life, code, ranJob, result });
      const verdict = verdictOn(code);
      // What a job left in its group; the script that updates a runner stays.
      if (verdict.then !== "await-update") present.kill();
      if (problem !== null) return outcome(code, problem);
      if (verdict.then === "over") return outcome(code, ranJob ? null : verdict.problem);
      // Its registration is used up by the job: another start could only be refused.
      if (ranJob) return outcome(code, null);
      if (jitConfig === null)
        return outcome(code, `exit code ${code}, and the registration went with the agent before this one`);
      if (launches > limits.relaunchesMax)
        return outcome(code, `the runner ended with exit code ${code} ${launches} times in a row`);
      if (verdict.then === "relaunch") await deps.clock.sleep(limits.relaunchMs, stop.signal);
      else await workplace.updated(stop.signal);
    }
  };

  const ended = live()
    .catch((error: unknown) => outcome(null, `the runner cannot be started: ${messageOf(error)}`))
    .finally(() => (over = true));
  return {
    ended,
    busy: () => ranJob && !over,
    look: () => listener?.read(),
    interrupt: async () => {
      stop.abort();
      await listener?.interrupt();
      await ended;
    },
    kill: () => listener?.kill(),
  };
}
