/** Programs whose output is read: some lines of it, however much they print. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A program that ended with `code`, null when it was killed. */
export class ProgramFailed extends Error {
  override readonly name = "ProgramFailed";
  readonly code: number | null;
  constructor(message: string, code: number | null) {
    super(message);
    this.code = code;
  }
}

export const lastWords = (text: string): string => text.trim().split("\n").slice(-3).join(" | ").slice(-500);

/** At most so much is read, and not for longer. */
export interface LinesMax {
  lines: number;
  bytes: number;
  ms: number;
}

/**
 * Reads what a program prints until it ends or one of the limits is reached; then it is killed.
 * @returns `more`: a limit ended it
 * @throws ProgramFailed when it ends with an error, or takes too long
 */
export const firstLines = async (
  command: string,
  args: readonly string[],
  max: LinesMax,
): Promise<{ lines: string[]; more: boolean }> => {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: max.ms,
    killSignal: "SIGKILL",
  });
  const fail = (what: string, code: number | null) => new ProgramFailed(`${command}: ${what}`, code);
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors = (errors + text).slice(-2_000)));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(fail(error.message, null)));
    child.once("close", (code) => resolve(code));
  });
  // Awaited below; until then a program that is not there is no unhandled error.
  ended.catch(() => {});
  const lines: string[] = [];
  let bytes = 0;
  let more = false;
  try {
    for await (const line of createInterface({ input: child.stdout, crlfDelay: Infinity })) {
      lines.push(line);
      bytes += Buffer.byteLength(line);
      more = lines.length >= max.lines || bytes >= max.bytes;
      if (more) break;
    }
    if (more) child.kill("SIGKILL");
    child.stdout.resume();
    const code = await ended;
    if (!more && code === null) throw fail(`was killed, at the latest after ${max.ms / 1000} s`, null);
    if (!more && code !== 0) throw fail(lastWords(errors) || `ended with ${code}`, code);
    return { lines, more };
  } finally {
    child.kill("SIGKILL");
  }
};
