/** A program's output, for actions that call one. */
import { execFile } from "node:child_process";

export interface Captured {
  /** -1 when it could not be started. */
  code: number;
  stdout: string;
  stderr: string;
}

const timeoutMs = 120_000;
const outputMax = 64 * 1024 * 1024;

/** GIT_DIR and the like of whoever started the runner must not lead git elsewhere. */
const withoutGit = (env: NodeJS.ProcessEnv) =>
  Object.fromEntries(Object.entries(env).filter(([key]) => !key.startsWith("GIT_")));

/** Rejects only when it was canceled. */
export const capture = (
  file: string,
  args: readonly string[],
  { env, cancel }: { env: NodeJS.ProcessEnv; cancel: AbortSignal },
): Promise<Captured> =>
  new Promise((resolve, reject) => {
    const options = { env: withoutGit(env), signal: cancel, timeout: timeoutMs, maxBuffer: outputMax };
    execFile(file, args, options, (error, stdout, stderr) => {
      if (cancel.aborted) return reject(cancel.reason as Error);
      const code = error ? (typeof error.code === "number" ? error.code : -1) : 0;
      resolve({ code, stdout, stderr });
    });
  });
