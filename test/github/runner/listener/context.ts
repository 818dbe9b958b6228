/** What the listener's parts share. */
import type { Config } from "../common/config.ts";
import type { Deps } from "../common/deps.ts";
import type { Diag } from "../common/diag.ts";
import type { Tokens } from "../common/oauth.ts";
import type { WorkerStart } from "./worker-process.ts";

export interface Terminal {
  /** stdout */
  line(text: string): void;
  /** stderr */
  error(text: string): void;
}

export interface Context {
  config: Config;
  tokens: Tokens;
  terminal: Terminal;
  diag: Diag;
  startWorker: WorkerStart;
  /** Aborts on SIGINT and SIGTERM. */
  shutdown: AbortSignal;
  /** ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE: 7 instead of 1. */
  deprecatedCode: boolean;
  /** ACTIONS_RUNNER_RETURN_JOB_RESULT_FOR_HOSTED: one job, then 100 + its result. */
  jobResultCode: boolean;
}
export type ListenerDeps = Deps;

export const brokerUrl = ({ config }: Context, path: string) =>
  new URL(path, config.settings.ServerUrlV2.replace(/\/?$/, "/")).href;

/** As .NET names it. */
export const osArchitecture = process.arch === "arm64" ? "ARM64" : "X64";
