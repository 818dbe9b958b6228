/** What the CLI's verbs need from outside. */
import { realClock, type Clock } from "../supervisor/deps.ts";
import { safe } from "./table.ts";

export interface CliDeps {
  clock: Clock;
  env: NodeJS.ProcessEnv;
  fetch: typeof fetch;
  /** A line for people, on stderr: stdout is for results. */
  say: (line: string) => void;
}

/** A manager's or GitHub's words may be part of it: no line of it moves the cursor, hides or reorders. */
export const spoken = (text: string): string =>
  text
    .split("\n")
    .map((line) => safe(line, 4_096))
    .join("\n");

export const realCliDeps: CliDeps = {
  clock: realClock,
  env: process.env,
  fetch: globalThis.fetch,
  say: (line) => process.stderr.write(`${spoken(line)}\n`),
};
