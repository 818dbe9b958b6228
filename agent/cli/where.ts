/** Which folder of this computer a stack's manager has. */
import { readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import * as z from "zod";
import { folder, type Folder } from "../supervisor/folder.ts";
import { ownership } from "../supervisor/marker.ts";
import { CliError } from "./errors.ts";
import { checkout, openPulumi, type Pulumi } from "./pulumi.ts";

export interface Where {
  /** Null where only a folder was named and it does not say whose it is. */
  stack: string | null;
  paths: Folder;
}

/** The two ways of naming a manager, for every verb. */
export const whereArgs = {
  stack: { type: "string", description: "the stack, such as local or dev", default: "local", alias: "s" },
  directory: { type: "string", description: "the manager's folder, instead of --stack" },
} as const;

export interface WhereDeps {
  /** The checkout. */
  root: string;
  pulumi: (stack: string) => Pick<Pulumi, "run">;
}
const realWhereDeps: WhereDeps = {
  root: checkout,
  pulumi: (stack) => openPulumi(stack, { say: () => {} }),
};

const pulumiLimitMs = 20_000;

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Whether Pulumi may know the stack; asking it about `local` would make that stack. */
export const isStackMade = async (stack: string, root: string): Promise<boolean> =>
  stack !== "local" || (await exists(join(root, ".muster/backend/.pulumi/stacks/muster/local.json")));

/** The folder among those beside the bundles whose marker names the stack. */
const marked = async (stack: string, root: string): Promise<string | null> => {
  const muster = join(root, ".muster");
  for (const name of (await readdir(muster).catch(() => [])).sort()) {
    const found = await ownership(join(muster, name)).catch(() => null);
    if (found?.kind === "ours" && found.stack?.name === stack) return join(muster, name);
  }
  return null;
};

/**
 * `--directory`, else the folder below .muster that is marked as the stack's, else what the stack's outputs say.
 * Null: the stack has no manager on this computer.
 */
export const findWhere = async (
  given: { stack: string; directory?: string | undefined },
  deps: WhereDeps = realWhereDeps,
): Promise<Where | null> => {
  if (given.directory !== undefined) {
    const directory = resolve(given.directory);
    const found = await ownership(directory).catch(() => null);
    return { stack: found?.kind === "ours" ? (found.stack?.name ?? null) : null, paths: folder(directory) };
  }
  const { stack } = given;
  const beside = await marked(stack, deps.root);
  if (beside !== null) return { stack, paths: folder(beside) };
  if (!(await isStackMade(stack, deps.root))) return null;
  const ran = await deps.pulumi(stack).run(["stack", "output", "directory"], { limitMs: pulumiLimitMs });
  const directory = ran.code === 0 ? ran.stdout.trim() : "";
  return directory === "" ? null : { stack, paths: folder(directory) };
};

/** The command that brings a stack up. */
export const upCommand = (stack: string | null): string => `npm run pulumi -- up -s ${stack ?? "local"}`;

/**
 * Where a stack's manager is when it is not here: what its outputs say, in a sentence. Null: nothing is known of one.
 */
const elsewhere = async (stack: string, { root, pulumi }: WhereDeps): Promise<string | null> => {
  if (stack === "local" || !(await isStackMade(stack, root))) return null;
  const ran = await pulumi(stack).run(["stack", "output", "--json"], { limitMs: pulumiLimitMs });
  const { data } = awsOutputs.safeParse(ran.code === 0 ? parsed(ran.stdout) : null);
  if (!data) return null;
  return (
    `the manager of ${stack} is at AWS (${data.manager} in ${data.region}), and this verb reaches only one on this computer. ` +
    `Its page shows pools, machines and jobs: run (with the AWS CLI and its Session Manager plugin)\n  ${data.commands.page}\nand open ${data.page}. Its log:\n  ${data.commands.logs}\n` +
    `What runs for it: npm run muster -- sweep --list -s ${stack}\nWhat is wrong with it: npm run muster -- doctor -s ${stack}`
  );
};
const text = z.string();
const awsOutputs = z.looseObject({
  region: text,
  manager: text,
  page: text,
  commands: z.looseObject({ page: text, logs: text }),
});
const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
};

/** @throws CliError with the command that starts one, or where it is, when there is none here */
export const mustFindWhere = async (
  given: { stack: string; directory?: string | undefined },
  deps: WhereDeps = realWhereDeps,
): Promise<Where> => {
  const found = await findWhere(given, deps);
  if (found) return found;
  const there = await elsewhere(given.stack, deps);
  if (there !== null) throw new CliError(there);
  throw new CliError(
    `the stack ${given.stack} has no manager on this computer. Start it: ${upCommand(given.stack)} ` +
      `(the first time: npm run muster -- setup${given.stack === "local" ? "" : ` -s ${given.stack}`}). To see what is missing: npm run muster -- doctor -s ${given.stack}`,
  );
};
