/** Runs a job in this process, in a folder of its own, and shows what became of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { JobMessage, JobResult, StepMessage } from "../wire.ts";
import { realDeps, type Deps } from "./common/deps.ts";
import { jobMessage, runStepMessage } from "./fake-broker.ts";
import { runJob } from "./worker/job.ts";
import { createMasker } from "./worker/mask.ts";

export interface Ran {
  result: JobResult;
  /** Without the lines' times. */
  log: string;
  /** Conclusion by step id. */
  steps: Record<string, string>;
}

export interface Job {
  root: string;
  cancel: AbortController;
  done: Promise<Ran>;
}

export interface JobOptions {
  message: Partial<JobMessage>;
  deps?: Partial<Deps>;
  /** A folder of an earlier job, to run another in it. */
  root?: string;
  shutdown?: () => boolean;
}

export function temporary(): string {
  const root = mkdtempSync(join(tmpdir(), "muster-job-test-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }));
  return root;
}

export function startJob({
  message,
  deps = {},
  root = temporary(),
  shutdown = () => false,
}: JobOptions): Job {
  const whole = jobMessage(message);
  const cancel = new AbortController();
  const masker = createMasker(whole.mask);
  const lines: string[] = [];
  const write = (text: string) => void lines.push(...masker.mask(text).split("\n"));
  const order = {
    message: whole,
    runnerName: "runner-7",
    root,
    work: join(root, "_work"),
    masker,
    log: { write, error: (text: string) => write(`##[error]${text}`), close: () => Promise.resolve() },
    cancel: cancel.signal,
    shutdown,
  };
  const done = runJob(order, { ...realDeps, ...deps }).then((result) => ({
    result,
    log: lines.join("\n"),
    steps: Object.fromEntries(result.stepResults.map(({ id, conclusion }) => [id, conclusion])),
  }));
  return { root, cancel, done };
}

export const run = (message: Partial<JobMessage>, more: Omit<JobOptions, "message"> = {}) =>
  startJob({ message, ...more }).done;

/** A job of `run:` steps, one an entry; ids are the keys. */
export const scripts = (
  steps: Record<string, string | (Partial<StepMessage> & { script?: string; shell?: string })>,
) =>
  Object.entries(steps).map(([id, given]): StepMessage => {
    if (typeof given === "string") return runStepMessage(given, { id });
    const { script = "true", shell = null, ...more } = given;
    return runStepMessage(script, {
      id,
      action: { kind: "run", script, shell, workingDirectory: null },
      ...more,
    });
  });
