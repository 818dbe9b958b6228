/** The verbs for people, as commands: arguments in, lines or JSON out. */
import { text } from "node:stream/consumers";
import { createInterface } from "node:readline/promises";
import { defineCommand } from "citty";
import { realCliDeps as deps } from "../deps.ts";
import { CliError } from "../errors.ts";
import { findState } from "../state.ts";
import { realTerminal } from "../terminal.ts";
import { readLeavingState } from "../aws/leaving-state.ts";
import { openPulumi } from "../pulumi.ts";
import { findWhere, mustFindWhere, whereArgs } from "../where.ts";
import { drain, parseDuration, undrain } from "./drain.ts";
import { findJob, heldBack, jobLine, jobLines, jobsShownMax } from "./jobs.ts";
import { statusLines, troubles } from "./status.ts";
import { findLeftovers, isNothing, leftoverLines, realSweepDeps, sweepStack } from "./sweep.ts";

const json = { type: "boolean", description: "as JSON, for programs", default: false } as const;
const yes = (description: string) => ({ type: "boolean", description, default: false }) as const;
const printJson = (value: unknown) => console.log(JSON.stringify(value));

const watchMs = 2_000;
// Cursor home and erase to the end (ECMA-48): the lines are drawn over the last ones.
const home = `${String.fromCodePoint(27)}[H${String.fromCodePoint(27)}[J`;

export const statusCommand = defineCommand({
  meta: {
    name: "status",
    description: "manager, pools and machines, and why jobs wait; exit code 1 when something is wrong",
  },
  args: { ...whereArgs, json, watch: yes("look again every two seconds, until Ctrl-C") },
  run: async ({ args }) => {
    const where = await mustFindWhere(args);
    const terminal = realTerminal();
    for (;;) {
      const found = await findState(where);
      const wrong = troubles(found);
      process.exitCode = wrong.length === 0 ? 0 : 1;
      if (args.json) {
        const { config: _, ...rest } = found;
        printJson({ ok: wrong.length === 0, troubles: wrong, directory: where.paths.directory, ...rest });
      } else {
        const lines = statusLines(found, where, terminal);
        if (args.watch && process.stdout.isTTY) process.stdout.write(home);
        for (const line of lines) terminal.print(line);
      }
      if (!args.watch) return;
      await deps.clock.sleep(watchMs);
    }
  },
});

export const jobsCommand = defineCommand({
  meta: {
    name: "jobs",
    description: "jobs, newest first; with ID one job's way and what each part of it took",
  },
  args: {
    id: {
      type: "positional",
      required: false,
      description: "an id, its beginning, or a part of the job's name",
    },
    ...whereArgs,
    json,
    all: yes(`all that the manager shows (500), not only the first ${jobsShownMax}`),
  },
  run: async ({ args }) => {
    const { state, problem, cure } = await findState(await mustFindWhere(args));
    if (!state) throw new CliError(`${problem}; ${cure}.`);
    const terminal = realTerminal();
    if (args.id !== undefined) {
      const job = findJob(state.jobs, args.id, heldBack(state));
      if (args.json) return printJson(job);
      return jobLine(job, state, terminal).forEach(terminal.print);
    }
    if (args.json) return printJson(state.jobs);
    jobLines(state, terminal, args.all ? Infinity : jobsShownMax).forEach(terminal.print);
  },
});

export const drainCommand = defineCommand({
  meta: { name: "drain", description: "start nothing more and wait until running jobs have finished" },
  args: {
    ...whereArgs,
    timeout: { type: "string", description: "how long to wait: 90s, 10m, 2h", default: "10m" },
    undo: yes("start machines again"),
    json,
  },
  run: async ({ args }) => {
    const seconds = parseDuration(args.timeout);
    const where = await mustFindWhere(args);
    if (args.undo) {
      await undrain(where);
      return args.json ? printJson({ draining: false }) : console.log("the manager starts machines again");
    }
    const undo = `npm run muster -- drain --undo${where.stack === "local" ? "" : ` -s ${args.stack}`}`;
    const stays = `The manager goes on draining: it starts no machine until ${undo}`;
    process.on("SIGINT", () => {
      deps.say(`\nno longer waiting. ${stays}`);
      process.exit(130);
    });
    const left = await drain(where, seconds, deps);
    if (left.length > 0) process.exitCode = 1;
    if (args.json) return printJson({ draining: true, left });
    if (left.length === 0) return console.log(`drained: no machine is left. ${stays}`);
    console.log(`after ${args.timeout} ${left.length} machines are left:`);
    for (const { id, stage, job } of left) console.log(`  ${id}  ${stage}${job === null ? "" : `  ${job}`}`);
    console.log(stays);
  },
});

/** False on anything but a clear yes. @throws CliError where nobody can be asked */
const confirmed = async (question: string): Promise<boolean> => {
  if (!process.stdin.isTTY) throw new CliError(`nobody can be asked here: say --yes to do it.`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await asking.question(`${question} [y/N] `)).trim());
  } finally {
    asking.close();
  }
};

export const sweepCommand = defineCommand({
  meta: {
    name: "sweep",
    description: "end and remove what is left of a stack, here or at AWS, and at GitHub; needs no manager",
  },
  args: {
    ...whereArgs,
    list: yes("only show what there is"),
    yes: { ...yes("do not ask"), alias: "y" },
    force: yes("also when its manager lives: jobs are interrupted"),
    stdin: yes('read the credential from standard input: {"githubToken": "..."} or {"githubAppKey": "..."}'),
    json,
  },
  run: async ({ args }) => {
    const secretsOf = () => (args.stdin ? text(process.stdin) : null);
    if ((await findWhere(args)) === null && args.stack !== "local") {
      const state = await readLeavingState(openPulumi(args.stack, { say: deps.say }));
      if (state) {
        const { runAwsSweep } = await import("../aws/command.ts");
        const { list, yes: sure, force, json: forPrograms } = args;
        const flags = { list, yes: sure, force, json: forPrograms, secrets: await secretsOf() };
        process.exitCode = await runAwsSweep(state, flags, { ...realTerminal(), say: deps.say, confirmed });
        return;
      }
    }
    const where = await mustFindWhere(args);
    const left = await findLeftovers(where);
    if (args.list || isNothing(left)) {
      if (args.json) return printJson(left);
      return leftoverLines(left).forEach((line) => console.log(line));
    }
    if (!args.json) leftoverLines(left).forEach((line) => console.log(line));
    if (!args.yes && !(await confirmed("End and remove all of this?")))
      throw new CliError("nothing was done.");
    const secrets = await secretsOf();
    await sweepStack(where, { force: args.force, secrets }, realSweepDeps(deps));
    const after = await findLeftovers(where);
    if (!isNothing(after)) process.exitCode = 1;
    if (args.json) return printJson({ before: left, after });
    const pulumi = `npm run pulumi -- destroy -s ${where.stack ?? "STACK"}`;
    console.log(
      isNothing(after)
        ? `nothing is left here. Pulumi's state may still have the stack: ${pulumi} removes it there, up makes it anew.`
        : `not everything could be removed: ${after.directory}`,
    );
  },
});
