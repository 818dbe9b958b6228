/** `muster`: what people and Pulumi's commands call. */
import { defineCommand, renderUsage, runCommand } from "citty";
import { FolderError } from "../supervisor/marker.ts";
import { CliError } from "./errors.ts";
import { localCommand } from "./local/command.ts";

const main = defineCommand({
  meta: { name: "muster", description: "self-hosted GitHub Actions runners" },
  subCommands: { local: localCommand },
});

type Command = Parameters<typeof renderUsage>[0];

const args = process.argv.slice(2);
/** The command that the words name, for its own help. */
const named = (command: Command, words: readonly string[]): Command => {
  const inner = (command.subCommands as Record<string, Command> | undefined)?.[words[0] ?? ""];
  return inner ? named(inner, words.slice(1)) : command;
};

if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
  console.log(await renderUsage(named(main, args)));
} else {
  try {
    await runCommand(main, { rawArgs: args });
  } catch (error) {
    const curable = error instanceof CliError || error instanceof FolderError;
    const cured = curable || (error as Error).name === "CLIError";
    console.error(cured ? `muster: ${(error as Error).message}` : error);
    process.exitCode = 1;
  }
}
