/**
 * The machine's behaviour between enrolment and end: carries out instructions, watches the runner, cleans up after it,
 * and knows what to do without a manager. Whether a machine serves one job or several is the manager's affair.
 */
import type { Ending, Instruction } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import { messageOf } from "./errors.ts";
import { startLife, type Life, type LifeOutcome } from "./life.ts";
import type { Limits } from "./limits.ts";
import type { Line } from "./listener.ts";
import type { Status, StatusBoard } from "./status.ts";
import type { Workplace } from "./workplace.ts";

export interface Agent {
  /** Carries out an instruction, once; everything it does after that is seen in the status. */
  obey(instruction: Instruction): void;
  /** The runner is unpacked there: the slot is made and the machine ready. */
  prepared(unpacked: string): Promise<void>;
  /** Stops whatever runs and reaches the phase `ended`; repeats are harmless. */
  end(reason: string, problem?: string): Promise<void>;
  /** As `end`, but a job that runs may finish first. */
  endAfterJob(reason: string): Promise<void>;
  /** No manager for too long. */
  withoutManager(): void;
  isBusy(): boolean;
  /** Kills the runner at once: for the very end of this process. */
  kill(): void;
}

export interface AgentOptions {
  workplace: Workplace;
  ending: Ending;
  status: StatusBoard;
  limits: Limits;
  deps: Deps;
}

type Of<K extends Instruction["do"]> = Extract<Instruction, { do: K }>;

/** An agent before this one began it. */
const inLife = ({ phase, life, lastLife }: Status) =>
  phase !== "preparing" && phase !== "ready" && life > 0 && lastLife?.life !== life;

export function makeAgent({ workplace, ending, status, limits, deps }: AgentOptions): Agent {
  let unpacked = "";
  let life: Life | null = null;
  let draining = false;
  let ended: Promise<void> | null = null;

  const heard = (line: Line) => {
    if (line.is === "listening" && !draining && status.get().phase === "starting")
      status.set({ phase: "listening" });
    if (line.is === "running") status.set({ job: line.job, ...(ended ? {} : { phase: "busy" }) });
  };

  const run = ({ id, life: number, runnerName, jitConfig }: Of<"run">) => {
    const { phase, life: before } = status.get();
    if (phase !== "ready" || life || number <= before) {
      const problem = `run ${id} (life ${number}) is out of place: this machine is ${phase} in life ${before}`;
      return status.set({ done: id, problem });
    }
    deps.log("run", { life: number, runnerName });
    draining = false;
    status.set({ phase: "starting", life: number, job: null, lastLife: null, problem: null, done: id });
    live(jitConfig);
  };
  const live = (jitConfig: string | null) => {
    const { life: number } = status.get();
    life = startLife({ life: number, workplace, jitConfig, onLine: heard, limits, deps });
    void life.ended.then(lifeOver);
  };

  const lifeOver = async ({ end, problem }: LifeOutcome) => {
    life = null;
    draining = false;
    if (ended) return status.set({ lastLife: end });
    // Said before the slot is clean: a machine that serves one job is told to end, and need not be cleaned.
    status.set({ phase: "preparing", lastLife: end, ...(problem === null ? {} : { problem }) });
    await clean();
  };

  /** Makes the slot ready for another job, or ends: an unclean slot must never serve one. */
  const clean = async () => {
    try {
      await workplace.empty();
      if (ended) return;
      workplace.fill(unpacked, status.get().life + 1);
      status.set({ phase: "ready" });
    } catch (error) {
      if (!ended) await end("unclean", `the slot cannot be cleaned: ${messageOf(error)}`);
    }
  };

  const drain = async (graceMs: number) => {
    const drained = life;
    if (!drained || draining) return;
    draining = true;
    if (!drained.busy()) status.set({ phase: "stopping" });
    await Promise.race([drained.ended, deps.clock.sleep(graceMs)]);
    drained.look();
    if (!drained.busy()) await drained.interrupt();
  };

  const end = (reason: string, problem?: string): Promise<void> => {
    ended ??= finish(reason, problem);
    return ended;
  };
  const finish = async (reason: string, problem?: string) => {
    deps.log("end", { reason, ...(problem === undefined ? {} : { problem }) });
    status.set({ phase: "stopping", ...(problem === undefined ? {} : { problem }) });
    await life?.interrupt();
    if (ending === "clean-slot") {
      await workplace
        .empty()
        .catch((error: unknown) =>
          status.set({ problem: `the slot cannot be cleaned: ${messageOf(error)}` }),
        );
    }
    status.set({ phase: "ended" });
  };

  if (inLife(status.get())) {
    status.set({ phase: "starting" });
    live(null);
  }
  return {
    obey: (instruction) => {
      if (instruction.id <= status.get().done) return;
      switch (instruction.do) {
        case "wait":
          return;
        case "run":
          return run(instruction);
        case "drain":
          status.set({ done: instruction.id });
          return void drain(instruction.graceSeconds * 1_000);
        case "end":
          status.set({ done: instruction.id });
          return void end(instruction.reason);
      }
    },
    prepared: async (folder) => {
      unpacked = folder;
      if (life) return;
      if (workplace.isUsed()) await workplace.empty();
      if (ended) return;
      workplace.fill(unpacked, status.get().life + 1);
      status.set({ phase: "ready", problem: null });
    },
    end,
    endAfterJob: async (reason) => {
      life?.look();
      if (life?.busy()) await life.ended;
      await end(reason);
    },
    withoutManager: () => {
      life?.look();
      if (life?.busy() || ended) return;
      if (ending === "power-off") return void end("no manager for too long");
      if (!life || draining) return;
      draining = true;
      deps.log("idle-runner-stopped", { why: "no manager for too long" });
      status.set({ phase: "stopping", problem: "no manager for too long: the idle runner was stopped" });
      void life.interrupt();
    },
    isBusy: () => life?.busy() ?? false,
    kill: () => life?.kill(),
  };
}
