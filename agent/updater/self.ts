/**
 * The updater replaces itself. The new one first has to look at bucket and parameter as a process of its own; then it
 * takes over, and updater.sh brings the old one back when it does not get as far as one pass.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Context } from "./context.ts";
import { ProgramFailed } from "./deps.ts";
import { link, write } from "./folder.ts";
import { fetchProgram } from "./manage.ts";
import { programPath } from "./release.ts";

/** Exit code of `--look` when nothing was wrong but the connection: sysexits' EX_TEMPFAIL. */
export const unreachable = 75;

const names = { before: "updater.before", fresh: "updater.fresh", refused: "updater.refused" } as const;

/** The one that runs works: there is no way back any more. */
export const confirm = async ({ folder }: Context): Promise<void> => {
  await rm(join(folder.programs, names.fresh), { force: true });
};

export const replaceSelf = async (context: Context): Promise<void> => {
  const { folder, deps, options, wanted } = context;
  if (!wanted || wanted.updater === options.self) return;
  const refused = join(folder.programs, names.refused);
  const problem = `the updater ${wanted.updater} did not work: ${options.self} goes on`;
  if ((await readFile(refused, "utf8").catch(() => "")).includes(wanted.updater)) throw new Error(problem);
  const path = await folder.ensure(wanted.updater, "updater.mjs", fetchProgram(context));
  try {
    await deps.run(process.execPath, [path, "--look"], options.limits.lookMs);
  } catch (error) {
    if (error instanceof ProgramFailed && error.code === unreachable) throw error;
    await write(refused, wanted.updater, 0o644);
    throw new Error(`${problem}: ${(error as Error).message}`, { cause: error });
  }
  await link(join(folder.programs, names.before), programPath(".", options.self, "updater.mjs"));
  await write(join(folder.programs, names.fresh), "0\n", 0o644);
  await folder.activate(wanted.updater, "updater.mjs");
  deps.log("a new updater takes over", { from: options.self, to: wanted.updater });
  context.over = true;
};
