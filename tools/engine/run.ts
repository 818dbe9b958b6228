/** Programs that are run to the end, with their output collected and a time limit. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Written to standard input, which is empty otherwise. */
  stdin?: string;
  /** After so many milliseconds the program and everything in its process group is killed; none by default. */
  limitMs?: number;
  /** Called for every line of both streams as it comes. */
  onLine?: (line: string, stream: "stdout" | "stderr") => void;
}
export interface Ran {
  /** Exit code; 127 when the program could not be started, 128 and more when a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
  /** The limit ended it. */
  timedOut: boolean;
}
export type Run = (command: string, args: readonly string[], options?: RunOptions) => Promise<Ran>;

const killGroup = (pid: number | undefined) => {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It is gone, which is what was wanted.
  }
};

/** Never rejects: a program that cannot be started ends with code 127 and the reason on stderr. */
export const run: Run = (command, args, options = {}) =>
  new Promise((resolve) => {
    const limited = options.limitMs !== undefined;
    // A group of its own, so that the limit also ends what the program started.
    const child = spawn(command, args, { cwd: options.cwd, env: options.env, detached: limited });
    const output = { stdout: "", stderr: "" };
    let timedOut = false;
    const stop = () => killGroup(child.pid);
    const timer = limited
      ? setTimeout(() => {
          timedOut = true;
          stop();
        }, options.limitMs)
      : undefined;
    if (limited) process.once("exit", stop);
    const done = (code: number) => {
      clearTimeout(timer);
      process.off("exit", stop);
      resolve({ code, ...output, timedOut });
    };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
      const { onLine } = options;
      if (onLine) createInterface({ input: child[stream] }).on("line", (line) => onLine(line, stream));
    }
    child.on("error", (error) => {
      output.stderr += error.message;
      done(127);
    });
    child.on("close", (code, signal) => done(code ?? (signal === "SIGKILL" ? 137 : 143)));
    child.stdin.on("error", () => {
      // The program need not read its input.
    });
    child.stdin.end(options.stdin ?? "");
  });

/** The last line that says something, for an error message. */
export const lastLine = (ran: Ran): string =>
  `${ran.stdout}\n${ran.stderr}`
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .at(-1) ?? `exit code ${ran.code}`;
