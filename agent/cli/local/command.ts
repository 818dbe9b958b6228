/** `muster local ...`: the manager on this computer. Pulumi's commands call the same verbs. */
import { join } from "node:path";
import { defineCommand } from "citty";
import { describeConfinement, type Confinement } from "../../confinement/kind.ts";
import { folder } from "../../supervisor/folder.ts";
import type { StackName } from "../../supervisor/marker.ts";
import { realCliDeps as deps } from "../deps.ts";
import { CliError } from "../errors.ts";
import { leaveSecrets } from "./secrets.ts";
import { removeSet } from "./remove-set.ts";
import { parseSettings, readSettings, standardInput } from "./settings.ts";
import { start } from "./start.ts";
import { status } from "./status.ts";
import { stop } from "./stop.ts";
import { sweep } from "./sweep.ts";

const directory = {
  type: "string",
  description: "the manager's folder",
  default: join(import.meta.dirname, "../../../.muster/local"),
} as const;
const stdin = (what: string) =>
  ({ type: "boolean", description: `read ${what} as JSON from standard input`, default: false }) as const;

const stackName = (text: string): StackName => {
  const [project, name, ...more] = text.split("/");
  if (!project || !name || more.length > 0)
    throw new CliError(`--stack is ${text}; allowed is PROJECT/STACK, such as muster/local.`);
  return { project, name };
};

const startCommand = defineCommand({
  meta: { name: "start", description: "start the manager, or make it follow changed settings" },
  args: { directory, stdin: stdin("the settings") },
  run: async ({ args }) => {
    const given = args.stdin ? parseSettings(await standardInput(), "standard input") : null;
    const settings = given ?? (await readSettings(folder(args.directory)));
    if (!settings)
      throw new CliError(`${args.directory} has no settings: "npm run pulumi -- up -s local" makes them.`);
    await start(settings, deps);
  },
});
const stopCommand = defineCommand({
  meta: { name: "stop", description: "let running jobs finish, then stop the manager" },
  args: {
    directory,
    "keep-secrets": {
      type: "boolean",
      description: "leave the secrets in the folder for a start that follows at once",
      default: false,
    },
  },
  run: ({ args }) => stop(args.directory, deps, { keepSecrets: args["keep-secrets"] }),
});
const sweepCommand = defineCommand({
  meta: { name: "sweep", description: "end everything at once and remove it, here and at GitHub" },
  args: { directory, stdin: stdin("the secrets") },
  run: async ({ args }) => sweep(args.directory, args.stdin ? await standardInput() : null, deps),
});
const secretsCommand = defineCommand({
  meta: { name: "secrets", description: "give the manager its secrets (JSON on standard input)" },
  args: { directory, stack: { type: "string", description: "whose folder it is: PROJECT/STACK" } },
  run: async ({ args }) =>
    leaveSecrets(args.directory, await standardInput(), deps, args.stack ? stackName(args.stack) : null),
});
const removeSetCommand = defineCommand({
  meta: { name: "remove-set", description: "remove a scale set at GitHub whose stack is gone" },
  args: {
    directory,
    name: {
      type: "string",
      description: "its name, or its number where several have the name",
      required: true,
    },
  },
  run: async ({ args }) => console.log(await removeSet(args.directory, args.name)),
});
const statusCommand = defineCommand({
  meta: { name: "status", description: "say what runs; exit code 1 when something is wrong" },
  args: { directory, json: { type: "boolean", description: "as JSON", default: false } },
  run: async ({ args }) => {
    const found = await status(args.directory, deps);
    const pid = (id: number | null) => (id === null ? "does not run" : `runs (pid ${id})`);
    const text = [
      `supervisor  ${pid(found.supervisor)}`,
      `manager     ${pid(found.manager)}`,
      `address     ${found.address ?? "none"}`,
      `health      ${found.problem ?? "well"}`,
      ...jobsLines(found.confinement),
    ].join("\n");
    console.log(args.json ? JSON.stringify(found) : text);
    if (found.problem !== null) process.exitCode = 1;
  },
});

/** How jobs are kept apart, and why not better. */
const jobsLines = (confinement: Confinement | null): string[] =>
  confinement === null
    ? []
    : [
        `jobs        ${describeConfinement(confinement)}`,
        ...confinement.refused.map((why) => `            ${why}`),
      ];

export const localCommand = defineCommand({
  meta: { name: "local", description: "the manager on this computer" },
  subCommands: {
    start: startCommand,
    stop: stopCommand,
    sweep: sweepCommand,
    secrets: secretsCommand,
    status: statusCommand,
    "remove-set": removeSetCommand,
  },
});
