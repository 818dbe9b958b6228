/** Starts one tier's command, passes its lines on, says that it is alive while it is silent, and ends it for good. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { duration } from "../../agent/cli/table.ts";

/** A tier that prints nothing for so long gets a line that says how long it has been running. */
const silenceMs = 20_000;
/** Between the polite signal and the one that nothing survives. */
const graceMs = 10_000;
/** How long a process that the command left behind may hold its output open. */
const lingerMs = 2_000;

export interface ChildOptions {
  name: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  limitMs: number;
  /** Every line of both streams, in order of arrival. */
  line: (text: string) => void;
  signal: AbortSignal;
}

export interface ChildEnd {
  /** null when a signal ended it. */
  code: number | null;
  lastLine: string;
  ms: number;
  /** Set when it was ended by us: over its limit, or interrupted. */
  ended: string;
}

const kill = (pid: number | undefined, signal: NodeJS.Signals) => {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already, which is what was wanted.
  }
};

/** Speaks when nothing else did for `silenceMs`. */
const watchSilence = (name: string, say: (text: string) => void) => {
  const startedMs = performance.now();
  let heardMs = startedMs;
  const timer = setInterval(() => {
    if (performance.now() - heardMs < silenceMs) return;
    heardMs = performance.now();
    say(`  ... ${name} is running, ${duration(performance.now() - startedMs)} so far`);
  }, 1_000);
  return {
    heard: () => {
      heardMs = performance.now();
    },
    stop: () => clearInterval(timer),
    elapsed: () => performance.now() - startedMs,
  };
};

/** Every line of both streams; remembers the last one of stdout. */
const readLines = (child: ChildProcessByStdio<null, Readable, Readable>, line: (text: string) => void) => {
  let last = "";
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on("line", (text) => {
      if (stream === child.stdout && text.trim() !== "") last = text;
      line(text);
    });
  return () => last;
};

/**
 * Runs `node <args>` in a process group of its own, so that whatever it started can be ended with it.
 * Resolves when it has exited and its output was read; rejects only when it could not be started.
 */
export const runChild = (args: readonly string[], options: ChildOptions): Promise<ChildEnd> =>
  new Promise((resolve, reject) => {
    if (options.signal.aborted) return resolve({ code: null, lastLine: "", ms: 0, ended: "interrupted" });
    const child = spawn(process.execPath, args, {
      cwd: options.cwd,
      env: options.env,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    const silence = watchSilence(options.name, options.line);
    const lastLine = readLines(child, (text) => {
      silence.heard();
      options.line(text);
    });
    let ended = "";
    const timers: NodeJS.Timeout[] = [];
    const end = (why: string) => {
      ended ||= why;
      kill(child.pid, "SIGTERM");
      timers.push(setTimeout(() => kill(child.pid, "SIGKILL"), graceMs));
    };
    const interrupt = () => end("interrupted");
    const settle = () => {
      silence.stop();
      timers.forEach(clearTimeout);
      options.signal.removeEventListener("abort", interrupt);
    };
    timers.push(setTimeout(() => end(`over its limit of ${duration(options.limitMs)}`), options.limitMs));
    options.signal.addEventListener("abort", interrupt, { once: true });
    child.once("exit", () => {
      const hold = () => {
        kill(child.pid, "SIGKILL");
        child.stdout.destroy();
        child.stderr.destroy();
      };
      timers.push(setTimeout(hold, lingerMs));
    });
    child.once("error", (error) => {
      settle();
      reject(new Error(`${options.name} could not be started: ${error.message}`, { cause: error }));
    });
    child.once("close", (code) => {
      settle();
      resolve({ code, lastLine: lastLine(), ms: silence.elapsed(), ended });
    });
  });
