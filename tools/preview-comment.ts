/**
 * Writes the comment of a pull request, as Markdown, to standard output:
 *   npm run --silent preview-comment -- COMMIT STACK=EVENT-LOG ...
 * Each event log is what `pulumi preview --event-log FILE` wrote; one that is missing is said to be.
 */
import { readFile } from "node:fs/promises";
import { readPreview } from "./preview-comment/events.ts";
import { renderComment, type StackPreview } from "./preview-comment/render.ts";

const usage = "usage: npm run --silent preview-comment -- COMMIT STACK=EVENT-LOG ...";

const read = async (argument: string): Promise<StackPreview> => {
  const [stack, file] = [argument.slice(0, argument.indexOf("=")), argument.slice(argument.indexOf("=") + 1)];
  if (!argument.includes("=") || stack === "" || file === "")
    throw new Error(`"${argument}" is wrong; ${usage}`);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  return { stack, preview: text === null || text === "" ? null : readPreview(text) };
};

const [commit, ...stacks] = process.argv.slice(2);
try {
  if (commit === undefined || stacks.length === 0) throw new Error(usage);
  process.stdout.write(renderComment(await Promise.all(stacks.map(read)), commit));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
