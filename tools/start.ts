/** `npm start`: the whole chain on this computer, up and down again. `npm start -- --help` says what it takes. */
import { join } from "node:path";
import { startOptions, usage, UsageError } from "./start/options.ts";
import { nothingMade, type Made } from "./start/made.ts";
import { runStart } from "./start/run.ts";
import { makeScreen } from "./terminal/screen.ts";

const root = join(import.meta.dirname, "..");

/** What a second Ctrl-C leaves behind, in words. */
const remains = (made: Made): string[] => {
  const stack = made.up ? ['the stack "local" may still be up'] : [];
  const simulator =
    made.simulator === null ? [] : [`the GitHub simulator runs (pid ${made.simulator.process.pid})`];
  const all = [...stack, ...simulator];
  return all.length === 0 ? ["nothing was made yet"] : [...all, 'the next "npm start" ends them first'];
};

const main = async (): Promise<number> => {
  const options = startOptions(process.argv.slice(2), process.env);
  if (options === null) return (console.log(usage), 0);
  const screen = makeScreen(process.stdout);
  const interrupt = new AbortController();
  const made = nothingMade();
  const onSignal = (name: NodeJS.Signals) => {
    if (!interrupt.signal.aborted) return interrupt.abort(new Error(`interrupted by ${name}`));
    screen.clear();
    screen.say(`ended at once: ${remains(made).join("; ")}`);
    process.exit(130);
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  // Who read the output has gone (`npm start | head`): as with a terminal that was closed, what was made is taken down.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", () => interrupt.abort(new Error("interrupted: nobody reads the output")));
  // The runtime of what this starts: the packages' Node, wherever the shell's own is.
  process.env["PATH"] = `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`;
  const { outcome, code } = await runStart({ root, options, screen, signal: interrupt.signal }, made);
  if (options.json) console.log(JSON.stringify(outcome));
  return code;
};

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
