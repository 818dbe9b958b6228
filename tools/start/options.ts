/** The command line and the environment of `npm start`. */
import { parseArgs } from "node:util";

export const usage = `npm start -- [--keep] [--json]

  Brings up the stack "local" on this computer, runs a workflow's jobs on it, and takes it down again.
  Without GITHUB_URL and GITHUB_TOKEN it talks to a GitHub simulator that it starts.
  --keep   leave everything up and print the addresses; the next npm start ends it first
  --json   print the outcome as one last line of JSON`;

export interface StartOptions {
  keep: boolean;
  json: boolean;
  /** null: start the simulator. */
  github: { url: string; token: string } | null;
}

export class UsageError extends Error {
  override name = "UsageError";
}

const parse = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        keep: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${usage}`, { cause: error });
  }
};

const realGitHub = (env: NodeJS.ProcessEnv): StartOptions["github"] => {
  const url = env["GITHUB_URL"] ?? "";
  const token = env["GITHUB_TOKEN"] ?? "";
  if (url === "") return null;
  if (token === "")
    throw new UsageError(
      `GITHUB_URL is ${url}, but GITHUB_TOKEN is empty: set both, or neither for the simulator.`,
    );
  if (!URL.canParse(url) || !/^https?:/.test(url))
    throw new UsageError(`GITHUB_URL is "${url}": it must be like https://github.com/OWNER/REPOSITORY.`);
  return { url, token };
};

/**
 * @returns null when only help was asked for
 * @throws UsageError for what is not understood; a GITHUB_TOKEN alone is not used, since many shells have one
 */
export const startOptions = (argv: readonly string[], env: NodeJS.ProcessEnv): StartOptions | null => {
  const values = parse(argv);
  if (values.help === true) return null;
  return { keep: values.keep === true, json: values.json === true, github: realGitHub(env) };
};
