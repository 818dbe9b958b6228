/** `muster`: what people and Pulumi's commands call. */
import { runCommand } from "citty";
import { FolderError } from "../supervisor/marker.ts";
import { main, type Command } from "./verbs.ts";
import { CliError } from "./errors.ts";
import { helpLines, type Helped } from "./help.ts";
import { refuseSecrets } from "./spilled.ts";
import { realTerminal } from "./terminal.ts";
import { checkOptions, checkVerb, type Args } from "./unknown.ts";

const args = process.argv.slice(2);

// `muster jobs | head`: who reads has seen enough, and nothing is wrong.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });

interface Named {
  command: Command;
  /** As people write it: `muster local start`. */
  words: string;
  rest: readonly string[];
}
type Inner = Command | (() => Promise<Command>);

/** The command that the words name, and what follows it. @throws CliError for a word that names none */
const named = async (command: Command, rest: readonly string[], words = "muster"): Promise<Named> => {
  const inner = (command.subCommands ?? {}) as Record<string, Inner>;
  const [first = ""] = rest;
  if (Object.keys(inner).length === 0 || first === "" || first.startsWith("-"))
    return { command, words, rest };
  checkVerb(first, Object.keys(inner), words);
  const found = inner[first]!;
  const next = typeof found === "function" ? await found() : found;
  return named(next, rest.slice(1), `${words} ${first}`);
};

const described = async ({ command, words }: Named): Promise<Helped> => {
  const inner = Object.entries((command.subCommands ?? {}) as Record<string, Inner>);
  const verbs = inner.map(async ([name, verb]) => {
    const { meta } = typeof verb === "function" ? await verb() : verb;
    return [name, textOf(meta)] as const;
  });
  const args = (command.args ?? {}) as Helped["args"];
  return { words, description: textOf(command.meta), verbs: await Promise.all(verbs), args };
};
const textOf = (meta: Command["meta"]) => (meta as { description?: string } | undefined)?.description ?? "";

const asked = (words: readonly string[]) => words.some((word) => word === "--help" || word === "-h");

try {
  refuseSecrets(args);
  const found = await named(main, args);
  const { command, words, rest } = found;
  if (command.subCommands && rest.length > 0 && !asked(rest)) checkOptions(rest, {}, words);
  if (command.subCommands || asked(rest)) {
    const terminal = realTerminal();
    helpLines(await described(found), terminal).forEach(terminal.print);
  } else {
    checkOptions(rest, (command.args ?? {}) as Args, words);
    await runCommand(command, { rawArgs: [...rest] });
  }
} catch (error) {
  const curable = error instanceof CliError || error instanceof FolderError;
  const cured = curable || (error as Error).name === "CLIError";
  console.error(cured ? `muster: ${(error as Error).message}` : error);
  process.exitCode = 1;
}
