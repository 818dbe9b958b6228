/** What the CLI's verbs need from outside. */
import { realClock, type Clock } from "../supervisor/deps.ts";

export interface CliDeps {
  clock: Clock;
  env: NodeJS.ProcessEnv;
  fetch: typeof fetch;
  /** A line for people, on stderr: stdout is for results. */
  say: (line: string) => void;
}

export const realCliDeps: CliDeps = {
  clock: realClock,
  env: process.env,
  fetch: globalThis.fetch,
  say: (line) => process.stderr.write(`${line}\n`),
};
