/** bin/Runner.Listener: what run.sh and supervisors start. */
import { readFileSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { codes } from "../common/codes.ts";
import { deleteConfig, readConfig, writeJitConfig, type Config } from "../common/config.ts";
import { realDeps } from "../common/deps.ts";
import { openDiag, type Diag } from "../common/diag.ts";
import { createTokens } from "../common/oauth.ts";
import { nameProcess } from "../common/process-name.ts";
import { runnerVersion } from "../common/version.ts";
import { parseCommand, usage, type Command } from "./command.ts";
import type { Terminal } from "./context.ts";
import { listen } from "./listen.ts";
import { workerStart } from "./worker-process.ts";

/** SIGTERM ends the process after so long at the latest (ExitOnUnloadTimeout). */
const unloadTimeoutMs = 30_000;

const terminal: Terminal = {
  line: (text) => process.stdout.write(`${text}\n`),
  error: (text) => process.stderr.write(`${text}\n`),
};

/** `.env` beside run.sh: KEY=VALUE lines for the runner and its jobs. */
function loadEnv(root: string): void {
  let text = "";
  try {
    text = readFileSync(join(root, ".env"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  for (const line of text.split(/\r?\n/)) {
    const at = line.indexOf("=");
    if (at > 0) process.env[line.slice(0, at)] = line.slice(at + 1);
  }
}

function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    terminal.line("Exiting...");
    controller.abort(new Error("The runner has received a shutdown signal."));
  });
  process.on("SIGTERM", () => {
    setTimeout(() => process.exit(codes.success), unloadTimeoutMs).unref();
    controller.abort(new Error("The runner has received a shutdown signal."));
  });
  return controller.signal;
}

const on = (name: string) => ["1", "true"].includes((process.env[name] ?? "").toLowerCase());

async function run(root: string, config: Config, diag: Diag, shutdown: AbortSignal): Promise<number> {
  const { settings } = config;
  const work = resolve(root, settings.WorkFolder);
  try {
    mkdirSync(work, { recursive: true });
  } catch (error) {
    diag.error(String(error));
    terminal.error(`Fail to create and validate runner's work directory '${work}'.`);
    return codes.terminated;
  }
  const context = {
    config,
    tokens: createTokens(config.credentials, config.rsa, realDeps),
    terminal,
    diag,
    startWorker: workerStart(root, terminal.line),
    shutdown,
    deprecatedCode: on("ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE"),
    jobResultCode: on("ACTIONS_RUNNER_RETURN_JOB_RESULT_FOR_HOSTED"),
  };
  try {
    const { code, forget } = await listen(context, realDeps);
    if (!forget) return code;
    deleteConfig(root);
    terminal.line("√ Removed .credentials");
    terminal.line("√ Removed .runner");
    return code;
  } catch (error) {
    if (shutdown.aborted) return codes.success;
    diag.error(String(error));
    terminal.error(`An error occurred: ${(error as Error).message}`);
    return codes.retryable;
  }
}

function configure(root: string, command: Extract<Command, { do: "run" }>): Config | null {
  if (command.jitConfig) writeJitConfig(root, command.jitConfig);
  const config = readConfig(root);
  if (config) return config;
  terminal.error("Runner is not configured.");
  terminal.line(usage);
  return null;
}

async function main(): Promise<number> {
  nameProcess("Runner.Listener");
  const root = dirname(dirname(dirname(resolve(process.argv[1]!))));
  loadEnv(root);
  const { command, warnings } = parseCommand(process.argv.slice(2), process.env);
  for (const warning of warnings) terminal.error(warning);
  if (command.do === "refuse") {
    terminal.error(command.message);
    return codes.terminated;
  }
  if (command.do === "print") {
    const texts = { version: runnerVersion, commit: "stand-in", usage };
    terminal.line(texts[command.what]);
    return codes.success;
  }
  if (command.do === "warmup") return codes.success;
  const shutdown = shutdownSignal();
  const diag = openDiag(root, "Runner", { now: realDeps.now, print: terminal.line });
  diag.info(`Version: ${runnerVersion} (stand-in)`);
  let config: Config | null;
  try {
    config = configure(root, command);
  } catch (error) {
    diag.error(String(error));
    terminal.error((error as Error).message);
    return codes.terminated;
  }
  if (!config) return codes.terminated;
  const code = await run(root, config, diag, shutdown);
  diag.info(`Runner execution has finished with return code ${code}`);
  return code;
}

// A held poll or a timer must not keep a finished runner.
void main().then((code) => process.exit(code));
