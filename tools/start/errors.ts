/** A step of `npm start` that failed: what happened, the cure, and the end of the log that says more. */
import { readFile } from "node:fs/promises";

export class StartError extends Error {
  override name = "StartError";
  readonly cure: string;
  /** Lines of the log that belongs to the step; empty when there is none. */
  readonly log: readonly string[];
  constructor(message: string, more: { cure: string; log?: readonly string[]; cause?: unknown }) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.cure = more.cure;
    this.log = more.log ?? [];
  }
}

const tailLines = 15;

/** The last lines of a file; none when it cannot be read. */
export const tail = async (file: string): Promise<readonly string[]> => {
  const text = await readFile(file, "utf8").catch(() => "");
  return text
    .trimEnd()
    .split("\n")
    .slice(-tailLines)
    .filter((line) => line !== "");
};

/** The lines that a person reads when a step failed. */
export const errorLines = (error: unknown): string[] => {
  if (!(error instanceof Error)) return [`npm start failed: ${String(error)}`];
  const head = `npm start failed: ${error.message}`;
  if (!(error instanceof StartError)) return [head, ...(error.stack ?? "").split("\n").slice(1, 6)];
  const log =
    error.log.length === 0 ? [] : ["The end of the log:", ...error.log.map((line) => `  | ${line}`)];
  return [head, ...log, `What to do: ${error.cure}`];
};
