/** One registration of this machine: the Listener from its start to its end, relaunched where it asks for that. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { LifeEnd } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import { listenerEnvironment, writeRunnerFiles } from "./environment.ts";
import { messageOf } from "./errors.ts";
import { verdictOn } from "./exit-code.ts";
import type { Limits } from "./limits.ts";
import { startListener, type Line, type Listener } from "./listener.ts";
import type { Cell, Slot } from "./slot.ts";

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
  slot: Slot;
  cell: Cell | null;
  jitConfig: string;
  /** `listening` and `running` as they are printed. */
  onLine: (line: Line) => void;
  limits: Limits;
  deps: Deps;
}

export function startLife({ life, slot, cell, jitConfig, onLine, limits, deps }: LifeOptions): Life {
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
    await writeRunnerFiles(slot, deps.env);
    await rm(logFile(slot, life - limits.outputsKept), { force: true });
    await rm(`${logFile(slot, life - limits.outputsKept)}.1`, { force: true });
    const env = listenerEnvironment(slot, jitConfig, deps.env);
    for (let launches = 1; ; launches++) {
      if (stop.signal.aborted) return outcome(null, null);
      const present = startListener(slot, cell, env, logFile(slot, life), heard, limits, deps);
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
      if (launches > limits.relaunchesMax)
        return outcome(code, `the runner ended with exit code ${code} ${launches} times in a row`);
      if (verdict.then === "relaunch") await deps.clock.sleep(limits.relaunchMs, stop.signal);
      else await updated(slot, stop.signal, limits, deps);
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

const logFile = (slot: Slot, life: number) => join(slot.logs, `runner-${life}.log`);

/** Waits for the runner's self-update to finish; after the limit it is started all the same, as run-helper.sh does. */
async function updated(slot: Slot, stop: AbortSignal, limits: Limits, { clock }: Deps): Promise<void> {
  const flag = join(slot.root, "update.finished");
  const endMs = clock.now() + limits.updateMs;
  while (!existsSync(flag) && clock.now() < endMs && !stop.aborted) await clock.sleep(500, stop);
  await rm(flag, { force: true });
}
