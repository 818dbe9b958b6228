/** Where a verb's result goes: a person's terminal, a file or another program. */
import { styleText } from "node:util";

export type Tone = "good" | "bad" | "warn" | "quiet" | "strong";

export interface Terminal {
  /** A line of the result, on stdout; lines of progress go through CliDeps.say, on stderr. */
  print: (line: string) => void;
  /** How wide lines may be; Infinity where nobody watches. */
  columns: number;
  /** Colours for people who watch: none in a file, and none where NO_COLOR is set. */
  paint: (tone: Tone, text: string) => string;
}

const styles = { good: "green", bad: "red", warn: "yellow", quiet: "dim", strong: "bold" } as const;

interface Stream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** `COLUMNS` counts where the output is no terminal, as for most tools. */
export const terminalOf = (stream: Stream, env: NodeJS.ProcessEnv): Terminal => {
  const watched = stream.isTTY === true;
  const forced = (env.FORCE_COLOR ?? "") !== "" && env.FORCE_COLOR !== "0";
  const coloured = (env.NO_COLOR ?? "") === "" && (forced || (watched && env.TERM !== "dumb"));
  const stated = Number(env.COLUMNS);
  const columns = watched && stream.columns ? stream.columns : stated >= 20 ? stated : Infinity;
  return {
    print: (line) => void stream.write(`${line}\n`),
    columns,
    paint: (tone, text) => (coloured ? styleText(styles[tone], text, { validateStream: false }) : text),
  };
};

export const realTerminal = (): Terminal => terminalOf(process.stdout, process.env);
