/** A step's process: its lines, its end, and how it is stopped (src/Runner.Sdk/ProcessInvoker.cs). */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Deps } from "../common/deps.ts";
import { killTree } from "./leftovers.ts";

const sigintMs = 7_500;
const sigtermMs = 2_500;
/** A child left behind may hold the streams open for ever. */
const streamsMs = 5_000;

export interface Program {
  file: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  line: (text: string) => void;
  /** Aborting it stops the process: SIGINT, 7.5 s later SIGTERM, 2.5 s later SIGKILL for it and its children. */
  cancel: AbortSignal;
}

/** @returns the exit code; 128 + number when a signal ended it. @throws the abort's reason when it was canceled. */
export async function runProgram(program: Program, deps: Pick<Deps, "sleep">): Promise<number> {
  program.cancel.throwIfAborted();
  const { file, args, cwd, env } = program;
  const child = spawn(file, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const over = new AbortController();
  const closed = Promise.all([readLines(child.stdout, program.line), readLines(child.stderr, program.line)]);
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => resolve(code ?? 128 + (signal ? signalNumber(signal) : 0)));
  });
  const stop = () => void stopProgram(child.pid, (signal) => child.kill(signal), over.signal, deps);
  program.cancel.addEventListener("abort", stop, { once: true });
  try {
    const code = await ended;
    over.abort();
    const rest = new AbortController();
    await Promise.race([closed, deps.sleep(streamsMs, rest.signal).catch(() => undefined)]);
    rest.abort();
    child.stdout.destroy();
    child.stderr.destroy();
    program.cancel.throwIfAborted();
    return code;
  } finally {
    over.abort();
    program.cancel.removeEventListener("abort", stop);
  }
}

const numbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
};
const signalNumber = (signal: string) => numbers[signal] ?? 0;

function readLines(stream: Readable, line: (text: string) => void): Promise<void> {
  return new Promise((resolve) => {
    createInterface({ input: stream, crlfDelay: Infinity }).on("line", line).on("close", resolve);
  });
}

async function stopProgram(
  pid: number | undefined,
  kill: (signal: NodeJS.Signals) => void,
  over: AbortSignal,
  deps: Pick<Deps, "sleep">,
): Promise<void> {
  const passed = (ms: number) =>
    deps.sleep(ms, over).then(
      () => true,
      () => false,
    );
  kill("SIGINT");
  if (!(await passed(sigintMs))) return;
  kill("SIGTERM");
  if (!(await passed(sigtermMs))) return;
  if (pid !== undefined) killTree(pid);
}
