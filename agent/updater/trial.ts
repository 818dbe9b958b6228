/** Whether a manager that was just started is kept or taken back. Pure. */
import type { UpdaterLimits } from "./limits.ts";

/** What the manager said: null where it did not answer. */
export interface Probe {
  ok: boolean;
  pid: number;
  /** SHA-256 of the bundle that it was told it is, and of its settings file. */
  managerBundle: string;
  configHash: string;
  problem: string | null;
}

export interface Trial {
  startedMs: number;
  /** Since when it is green without a pause; null while it is red. */
  greenMs: number | null;
  redMs: number;
  pid: number | null;
  processes: number;
}

export const newTrial = (now: number): Trial => ({
  startedMs: now,
  greenMs: null,
  redMs: now,
  pid: null,
  processes: 0,
});

/** @param green the manager answers, is well, and is the one on trial */
export const seen = (trial: Trial, green: boolean, pid: number | null, now: number): Trial => {
  const other = pid !== null && pid !== trial.pid;
  return {
    ...trial,
    pid: pid ?? trial.pid,
    processes: trial.processes + (other ? 1 : 0),
    greenMs: green ? (other ? now : (trial.greenMs ?? now)) : null,
    redMs: green ? now : trial.redMs,
  };
};

export type Verdict = "wait" | "keep" | { refuse: string };

export const verdict = (trial: Trial, now: number, limits: UpdaterLimits): Verdict => {
  if (trial.greenMs !== null && now - trial.greenMs >= limits.steadyMs) return "keep";
  if (trial.processes >= limits.processesMax)
    return { refuse: `it ended ${trial.processes - 1} times within ${seconds(now - trial.startedMs)}` };
  if (trial.greenMs === null && now - trial.redMs >= limits.redMs)
    return { refuse: `/healthz was red for ${seconds(now - trial.redMs)}` };
  return "wait";
};

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;
