/** The command line of bin/Runner.Listener (actions/runner src/Runner.Listener/CommandSettings.cs). */

export type Command =
  | { do: "run"; jitConfig: string | null }
  | { do: "print"; what: "version" | "commit" | "usage" }
  | { do: "warmup" }
  | { do: "refuse"; message: string };

export interface Parsed {
  command: Command;
  /** Complaints that the real runner prints before it goes on. */
  warnings: string[];
}

export const usage = `
Commands:
 ./config.sh         Configures the runner
 ./run.sh            Runs the runner interactively. Does not require any options.

Options:
 --help     Prints the help for each command
 --version  Prints the runner version
 --commit   Prints the runner commit

Run Options:
 --jitconfig string   A JIT config, as generate-jitconfig answers it; also by ACTIONS_RUNNER_INPUT_JITCONFIG
`;

const flags = ["help", "version", "commit", "once", "check"];
const values = ["jitconfig", "startuptype"];
const inputPrefix = "ACTIONS_RUNNER_INPUT_";

/** Splits `--name value` and `--flag`, and keeps the rest. */
function split(args: readonly string[]) {
  const words: string[] = [];
  const given = new Map<string, string>();
  const unknown: string[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const arg = args[index]!;
    const name = arg.startsWith("--") ? arg.slice(2).toLowerCase() : null;
    if (name === null) words.push(arg);
    else if (flags.includes(name)) given.set(name, "true");
    else if (values.includes(name)) given.set(name, args[(index += 1)] ?? "");
    else unknown.push(arg);
  }
  return { words, given, unknown };
}

const standIn = "The stand-in runner registers by a JIT config only: run it with --jitconfig.";

/**
 * Reads arguments and `ACTIONS_RUNNER_INPUT_*`, and removes the latter from `env`, so that no child inherits them.
 */
export function parseCommand(args: readonly string[], env: NodeJS.ProcessEnv): Parsed {
  const { words, given, unknown } = split(args);
  for (const key of Object.keys(env)) {
    if (!key.toUpperCase().startsWith(inputPrefix)) continue;
    const name = key.slice(inputPrefix.length).toLowerCase();
    if (!given.has(name) && [...flags, ...values].includes(name)) given.set(name, env[key] ?? "");
    delete env[key];
  }
  const verb = (words[0] ?? "").toLowerCase();
  const known = ["run", "configure", "remove", "warmup", ""].includes(verb);
  const stray = [...unknown, ...(known ? words.slice(1) : words)];
  const list = stray.join(", ");
  const of = verb !== "" && known ? ` for command ${verb}` : "";
  const warnings = stray.length
    ? [
        `Unrecognized command-line input arguments${of}: '${list}'. For usage refer to: .\\config.cmd --help or ./config.sh --help`,
      ]
    : [];
  return { command: choose(verb, given), warnings };
}

function choose(verb: string, given: ReadonlyMap<string, string>): Command {
  if (given.has("help")) return { do: "print", what: "usage" };
  if (given.has("version")) return { do: "print", what: "version" };
  if (given.has("commit")) return { do: "print", what: "commit" };
  if (verb === "configure" || verb === "remove" || given.has("check"))
    return { do: "refuse", message: standIn };
  if (verb === "warmup") return { do: "warmup" };
  if (verb === "run") return { do: "run", jitConfig: given.get("jitconfig") || null };
  return { do: "print", what: "usage" };
}
