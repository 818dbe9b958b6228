/** bin/Runner.Worker as a child process, and the pipe on which it gets its job and its cancellation. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { JobMessage } from "../../wire.ts";

export type ToWorker =
  | { type: "NewJobRequest"; message: JobMessage; runServiceUrl: string }
  | { type: "CancelRequest" }
  | { type: "RunnerShutdown" };

/** The worker's own file descriptor of the pipe; its number is the worker's second argument. */
const pipeFd = 3;

export interface Worker {
  send(message: ToWorker): void;
  kill(): void;
  /** Never rejects; output is what it printed, for the diag log when it crashed. */
  ended: Promise<{ code: number | null; output: string }>;
}
export type WorkerStart = () => Worker;

/** Enough of a crashed worker's words to know why. */
const outputMax = 16_384;

/** Starts `bin/Runner.Worker spawnclient 3` below `root`. */
export const workerStart =
  (root: string, print: (text: string) => void): WorkerStart =>
  () => {
    const child = spawn(join(root, "bin", "Runner.Worker"), ["spawnclient", String(pipeFd)], {
      cwd: join(root, "bin"),
      stdio: ["ignore", "pipe", "pipe", "pipe"],
    });
    const pipe = child.stdio[pipeFd] as unknown as Writable;
    // A worker that ended has closed its end; its exit code says why.
    pipe.on("error", () => undefined);
    let output = "";
    const [, stdout, stderr] = child.stdio as unknown as Readable[];
    stdout!.setEncoding("utf8").on("data", (text: string) => {
      if (text.startsWith("[WORKER")) print(text.replace(/\n$/, ""));
      else output = (output + text).slice(-outputMax);
    });
    stderr!.setEncoding("utf8").on("data", (text: string) => (output = (output + text).slice(-outputMax)));
    const ended = new Promise<{ code: number | null; output: string }>((resolve) => {
      child.on("error", (error) => resolve({ code: null, output: error.message }));
      child.on("close", (code) => resolve({ code, output }));
    });
    return {
      send: (message) => pipe.write(`${JSON.stringify(message)}\n`),
      kill: () => child.kill("SIGKILL"),
      ended,
    };
  };
