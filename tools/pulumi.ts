/**
 * `npm run pulumi -- COMMAND ... -s STACK`: Pulumi with this project's engine, Node and plugins on PATH; for the stack
 * `local` also with its own backend and passphrase. Everything is passed through, exit code and signals included.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { join } from "node:path";
import { CliError } from "../agent/cli/errors.ts";
import { keepDaemon, prepareDaemon, type DaemonContext } from "./engine/daemon.ts";
import { EngineMissing } from "./engine/find.ts";
import { prepareStack, PulumiFailed } from "./engine/local-stack.ts";
import { run } from "./engine/run.ts";

const root = join(import.meta.dirname, "..");
const log = (line: string) => process.stderr.write(`${line}\n`);

/** The value of -s, --stack; null when the user's selected stack is meant. */
const stackOf = (args: readonly string[]): string | null => {
  for (const [index, arg] of args.entries()) {
    if (arg === "--") return null;
    if (arg === "-s" || arg === "--stack") return args[index + 1] ?? null;
    const inline = /^(?:--stack=|-s=?)(.+)$/.exec(arg)?.[1];
    if (inline) return inline;
  }
  return null;
};

const passThrough = (command: string, args: readonly string[], env: NodeJS.ProcessEnv) =>
  new Promise<number>((resolve) => {
    const child = spawn(command, args, { env, stdio: "inherit" });
    // A terminal sends its signals to both; we only have to outlive Pulumi, which ends in its own order.
    const ignore = () => {};
    const forward = (name: NodeJS.Signals) => void child.kill(name);
    process.on("SIGINT", ignore);
    for (const name of ["SIGTERM", "SIGHUP"] as const) process.on(name, forward);
    child.on("error", (error) => {
      log(error.message);
      resolve(127);
    });
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });

const main = async (args: readonly string[]): Promise<number> => {
  const stack = stackOf(args);
  const { engine, env } = await prepareStack({ root, stack, log });
  const pulumi = join(engine.directory, "pulumi");
  const isUp = stack === "local" && /^(up|update)$/.test(args[0] ?? "") && !args.includes("--help");
  if (!isUp) return passThrough(pulumi, args, env);
  const context: DaemonContext = {
    root,
    log,
    pulumi: (more) => run(pulumi, [...more, "--stack", "local", "--non-interactive"], { cwd: root, env }),
  };
  const before = await prepareDaemon(context);
  const code = await passThrough(pulumi, args, env);
  if (code === 0) await keepDaemon(before, context);
  return code;
};

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const cured = error instanceof EngineMissing || error instanceof PulumiFailed || error instanceof CliError;
  log(cured ? error.message : String((error as Error).stack));
  process.exitCode = 1;
}
