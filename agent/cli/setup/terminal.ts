/** Questions to a person; without a terminal there is nobody to ask. */
import { createInterface } from "node:readline/promises";
import { visible } from "../../manager/web/visible.ts";
import { CliError } from "../errors.ts";

export interface Terminal {
  /** Somebody can be asked. */
  interactive: boolean;
  /** The answer without blanks at its ends; `fallback` for an empty one. */
  ask(question: string, fallback?: string): Promise<string>;
  /** No unless the answer is y or yes. */
  yes(question: string): Promise<boolean>;
  /** What is typed or pasted is not shown. */
  hidden(question: string): Promise<string>;
  /** Standard input to its end. @throws CliError above 64 KiB */
  all(): Promise<string>;
}

export interface Streams {
  input: NodeJS.ReadStream;
  output: NodeJS.WritableStream & { isTTY?: boolean };
}

const interrupted = () => new CliError("interrupted; nothing was stored.");
/** A key in PEM has 3 KiB, a token below 1. */
const maxBytes = 64 * 1024;

export const realTerminal = (
  signal: AbortSignal,
  { input, output }: Streams = { input: process.stdin, output: process.stderr },
): Terminal => {
  const ask: Terminal["ask"] = async (question, fallback) => {
    // Not as a "terminal": the kernel edits the line, and Ctrl-C stays a signal.
    const lines = createInterface({ input, output, terminal: false });
    try {
      const shown = fallback === undefined ? `${question}: ` : `${question} [${visible(fallback)}]: `;
      const answer = (await lines.question(shown, { signal })).trim();
      return answer === "" && fallback !== undefined ? fallback : answer;
    } catch (error) {
      if ((error as Error).name === "AbortError") throw interrupted();
      throw error;
    } finally {
      lines.close();
    }
  };
  return {
    interactive: input.isTTY === true && output.isTTY === true,
    ask,
    yes: async (question) => /^y(es)?$/i.test(await ask(`${question} (yes/no)`, "no")),
    hidden: (question) => hidden(question, { input, output }),
    all: async () => {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of input) {
        chunks.push(Buffer.from(chunk as Buffer));
        size += (chunk as Buffer).length;
        if (size > maxBytes)
          throw new CliError(`standard input is longer than ${maxBytes / 1024} KiB: no token or key is.`);
      }
      return Buffer.concat(chunks).toString("utf8");
    },
  };
};

const [enter, lineFeed, ctrlC, ctrlD, backspace, del] = [13, 10, 3, 4, 8, 127];

/** Raw mode: nothing is echoed, and every key comes as it is, Ctrl-C too. */
const hidden = (question: string, { input, output }: Streams): Promise<string> =>
  new Promise((resolve, reject) => {
    output.write(`${question} (not shown): `);
    const typed: string[] = [];
    const end = () => {
      input.off("data", read);
      input.setRawMode(false);
      input.pause();
      output.write("\n");
    };
    const read = (chunk: Buffer | string) => {
      for (const character of chunk.toString("utf8")) {
        const code = character.codePointAt(0)!;
        if (code === ctrlC || (code === ctrlD && typed.length === 0)) {
          end();
          return reject(interrupted());
        }
        if (code === enter || code === lineFeed || code === ctrlD) {
          end();
          return resolve(typed.join("").trim());
        }
        if (code === backspace || code === del) typed.pop();
        else if (code >= 32) typed.push(character);
      }
    };
    input.setRawMode(true);
    input.on("data", read);
    input.resume();
  });
