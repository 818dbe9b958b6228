/**
 * This project's Pulumi for the CLI: `node tools/pulumi.ts ... --stack STACK`, a program of its own, which finds the
 * engine and, for the stack `local`, brings its own backend and passphrase and makes the stack when it is missing. Any
 * other stack uses the login and passphrase of the user, whose environment is passed on whole.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import * as z from "zod";
import { realClock, type Clock } from "../supervisor/deps.ts";
import { CliError } from "./errors.ts";

export interface PulumiDeps {
  clock: Clock;
  env: NodeJS.ProcessEnv;
  /** Lines of progress and of Pulumi's stderr as they come. */
  say: (line: string) => void;
  /** The checkout; the tests' own otherwise. */
  root: string;
}

export const checkout = join(import.meta.dirname, "../..");

export interface PulumiRan {
  /** Exit code; 127 when the program could not be started, 128 and more when a signal ended it. */
  code: number;
  stdout: string;
  stderr: string;
  timedOut: boolean;
}

export interface PulumiOptions {
  /** Written to standard input: the only way for what is secret, since arguments can be read by everybody here. */
  stdin?: string;
  /** Default: one minute, and 15 for the first call, which may build the engine. */
  limitMs?: number;
  /** False for `whoami` and others that are of no stack, and know no `--stack`. Default: true. */
  ofStack?: boolean;
}

/** One key of the stack's configuration: its plain value, parsed where it is an object or a list, or that it is secret. */
export type ConfigValue = { secret: true } | { secret: false; value: unknown };

/** A command of Pulumi ended with an error; the message holds the command and what it printed on stderr. */
export class PulumiError extends CliError {
  override name = "PulumiError";
  readonly ran: PulumiRan;
  constructor(message: string, ran: PulumiRan) {
    super(message);
    this.ran = ran;
  }
}

export interface Pulumi {
  stack: string;
  /** Any command, on this stack unless `ofStack` says otherwise; never rejects. */
  run(args: readonly string[], options?: PulumiOptions): Promise<PulumiRan>;
  /** The same: its stdout. @throws PulumiError */
  must(args: readonly string[], options?: PulumiOptions): Promise<string>;
  /**
   * The stack's present configuration by full key (`muster:github`); secret values stay encrypted, so no passphrase is
   * asked for. @throws PulumiError
   */
  config(): Promise<Record<string, ConfigValue>>;
  /** The clear text of a secret key; null when it is not set. Needs the stack's passphrase. @throws PulumiError */
  secret(key: string): Promise<string | null>;
  /** Stores an encrypted value, which travels by standard input. @throws PulumiError */
  setSecret(key: string, value: string): Promise<void>;
  /** Sets plain values by path (`muster:github.app.id`) in one write; digits become numbers. @throws PulumiError */
  setPlain(values: Readonly<Record<string, string | number | boolean>>): Promise<void>;
  /** Removes keys, by path; what is not there is fine. @throws PulumiError */
  remove(keys: readonly string[]): Promise<void>;
}

/** The engine may have to be built from its Go modules: about five minutes on two cores. */
const firstLimitMs = 15 * 60_000;
const limitMs = 60_000;

const start = (args: readonly string[], options: PulumiOptions & { limitMs: number }, deps: PulumiDeps) =>
  new Promise<PulumiRan>((resolve) => {
    // A group of its own, so that the limit also ends the engine and what it started.
    const child = spawn(process.execPath, [join(deps.root, "tools/pulumi.ts"), ...args], {
      cwd: deps.root,
      env: deps.env,
      detached: true,
    });
    const ran = { code: 127, stdout: "", stderr: "", timedOut: false };
    const kill = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It is gone, which is what was wanted.
      }
    };
    const over = new AbortController();
    void deps.clock.sleep(options.limitMs, over.signal).then(() => {
      if (over.signal.aborted) return;
      ran.timedOut = true;
      kill();
    });
    process.once("exit", kill);
    const done = (code: number) => {
      over.abort();
      process.off("exit", kill);
      resolve({ ...ran, code });
    };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (ran.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      ran.stderr += text;
      for (const line of text.split("\n")) if (isProgress(line)) deps.say(line);
    });
    child.on("error", (error) => {
      ran.stderr += error.message;
      done(127);
    });
    child.on("close", (code, signal) => done(code ?? (signal === "SIGKILL" ? 137 : 143)));
    child.stdin.on("error", () => {
      // The program need not read its input.
    });
    child.stdin.end(options.stdin ?? "");
  });

/** Only what takes long is told while it lasts; everything else is in the error if there is one. */
const isProgress = (line: string) => /^(building|downloading|installing|waiting) /.test(line);

const listed = z.record(
  z.string(),
  z.object({ value: z.string().optional(), objectValue: z.unknown().optional(), secret: z.boolean() }),
);

/** Booleans and numbers that were set by path are JSON in `value`, as everything but plain strings is. */
const plain = (value: string | undefined): unknown => {
  if (value === undefined || !/^(true|false|-?\d+(\.\d+)?|null)$/.test(value)) return value;
  return JSON.parse(value) as unknown;
};

const withoutNotes = (stderr: string) =>
  stderr
    .split("\n")
    .map((line) => line.trimEnd())
    .filter((line) => line !== "" && !isProgress(line) && !line.startsWith("the real command plugin is not"))
    .join("\n");

const failed = (args: readonly string[], stack: string, ran: PulumiRan, limit: number): PulumiError => {
  const command = `pulumi ${args.join(" ")} --stack ${stack}`;
  if (ran.timedOut)
    return new PulumiError(
      `${command} gave no result within ${Math.round(limit / 1000)} s and was ended; is its backend reachable?`,
      ran,
    );
  const cure = /no stack named/.test(ran.stderr)
    ? `\nMake it first: npm run pulumi -- stack init ${stack}`
    : /PULUMI_ACCESS_TOKEN must be set/.test(ran.stderr)
      ? `\nLog in to where the stack ${stack} is kept: npm run pulumi -- login (only the stack local needs none)`
      : "";
  const text = withoutNotes(ran.stderr) || ran.stdout.trim() || "it printed nothing";
  return new PulumiError(`${command} failed (exit code ${ran.code}):\n${text}${cure}`, ran);
};

/** Nothing is started before the first call. */
export const openPulumi = (stack: string, more: Partial<PulumiDeps> = {}): Pulumi => {
  const deps: PulumiDeps = {
    clock: realClock,
    env: process.env,
    say: (line) => process.stderr.write(`${line}\n`),
    root: checkout,
    ...more,
  };
  let first = true;
  const limitOf = (options: PulumiOptions) => options.limitMs ?? (first ? firstLimitMs : limitMs);
  const attempt = async (args: readonly string[], options: PulumiOptions) => {
    const limit = limitOf(options);
    const target = options.ofStack === false ? [] : ["--stack", stack];
    const ran = await start([...args, ...target], { ...options, limitMs: limit }, deps);
    if (ran.code !== 127) first = false;
    return { ran, limit };
  };
  const must: Pulumi["must"] = async (args, options = {}) => {
    const { ran, limit } = await attempt([...args, "--non-interactive"], options);
    if (ran.code !== 0) throw failed(args, stack, ran, limit);
    return ran.stdout;
  };
  const config: Pulumi["config"] = async () => {
    const values = listed.parse(JSON.parse(await must(["config", "--json"])));
    return Object.fromEntries(
      Object.entries(values).map(([key, { value, objectValue, secret }]): [string, ConfigValue] => [
        key,
        secret ? { secret } : { secret, value: objectValue ?? plain(value) },
      ]),
    );
  };
  return {
    stack,
    must,
    config,
    run: async (args, options = {}) => (await attempt([...args, "--non-interactive"], options)).ran,
    secret: async (key) => {
      if (!(key in (await config()))) return null;
      return (await must(["config", "get", key])).replace(/\n$/, "");
    },
    setSecret: async (key, value) =>
      void (await must(["config", "set", "--secret", key], { stdin: `${value}\n` })),
    setPlain: async (values) => {
      const pairs = Object.entries(values).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
      if (pairs.length > 0) await must(["config", "set-all", "--path", ...pairs]);
    },
    remove: async (keys) => {
      if (keys.length > 0) await must(["config", "rm-all", "--path", ...keys]);
    },
  };
};
