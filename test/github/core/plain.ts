/** Runs without a workflow file: independent jobs that only take time. */
import type { ReadyJob, WorkflowLogic } from "../wire.ts";

export interface PlainJob {
  labels: readonly string[];
  /** Default `job N`. */
  name?: string;
  /** How long its one step sleeps; default 0. */
  durationSeconds?: number;
  /** Its step's script; default: sleeps. */
  script?: string;
  environment?: string;
}

function ready(job: PlainJob, index: number, github: Record<string, unknown>): ReadyJob {
  const name = job.name ?? `job ${index + 1}`;
  const script = job.script ?? `sleep ${job.durationSeconds ?? 0}`;
  return {
    key: `${index}`,
    displayName: name,
    runsOn: [...job.labels],
    environment: job.environment ?? null,
    message: {
      jobDisplayName: name,
      contexts: {
        github,
        needs: {},
        strategy: {},
        matrix: {},
        vars: {},
        inputs: {},
      },
      env: {},
      defaults: { shell: null, workingDirectory: null },
      steps: [
        {
          id: "step1",
          name: "Work",
          condition: "success()",
          env: {},
          continueOnError: false,
          timeoutMinutes: null,
          action: { kind: "run", script, shell: "bash", workingDirectory: null },
        },
      ],
      outputs: {},
      timeoutMinutes: 360,
    },
  };
}

/** A job without steps, for the records of jobs that never run. */
export const nothing = ready({ labels: [], script: ":" }, 0, {});

/** `github`: the jobs' context of that name. */
export function plainLogic(
  name: string,
  jobs: readonly PlainJob[],
  github: Record<string, unknown> = {},
): WorkflowLogic {
  const open = new Map(jobs.map((job, index) => [`${index}`, ready(job, index, github)]));
  let fresh = [...open.values()];
  let failed = false;
  let cancelled = false;
  return {
    name,
    ready: () => {
      const now = fresh;
      fresh = [];
      return now;
    },
    finish: (key, conclusion) => {
      open.delete(key);
      failed ||= conclusion === "failed";
      cancelled ||= conclusion === "canceled";
    },
    skipped: () => [],
    cancel: () => {
      for (const job of fresh) open.delete(job.key);
      fresh = [];
      cancelled = true;
    },
    conclusion: () => {
      if (open.size > 0) return null;
      if (failed) return "failure";
      return cancelled ? "cancelled" : "success";
    },
  };
}
