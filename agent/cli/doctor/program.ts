/** A short program that is run to its end. */
import { spawn } from "node:child_process";
import { realClock } from "../../supervisor/deps.ts";

export interface ProgramRan {
  /** 127 when it could not be started. */
  code: number;
  stdout: string;
  stderr: string;
}
export type Run = (
  program: string,
  args: readonly string[],
  options: { env: NodeJS.ProcessEnv; limitMs: number },
) => Promise<ProgramRan>;

/** Never rejects; everything in its process group ends with the limit. */
export const runProgram: Run = (program, args, { env, limitMs }) =>
  new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    const ran = { stdout: "", stderr: "" };
    const over = new AbortController();
    void realClock.sleep(limitMs, over.signal).then(() => {
      if (over.signal.aborted || child.pid === undefined) return;
      ran.stderr += `\nnot done within ${limitMs / 1000} s`;
      try {
        process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has just ended by itself.
      }
    });
    const done = (code: number) => {
      over.abort();
      resolve({ code, ...ran });
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (ran.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (ran.stderr += text));
    child.on("error", (error) => {
      ran.stderr += error.message;
      done(127);
    });
    child.on("close", (code) => done(code ?? 137));
  });
