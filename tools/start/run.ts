/** `npm start` from beginning to end: up, jobs, down, proof. Whatever was made is ended, whatever happens between. */
import type { StackOutputs } from "../engine/local-stack.ts";
import { bold, green, red, yellow, type Screen } from "../terminal/screen.ts";
import { countLeftovers, takeDown } from "./down.ts";
import { errorLines } from "./errors.ts";
import { dispatch } from "./github.ts";
import { waits, type Job } from "./jobs.ts";
import { countsOf, isClean, leftoverLines, type Leftovers } from "./leftovers.ts";
import type { Context, Made } from "./made.ts";
import type { Outcome } from "./outcome.ts";
import { endSimulator } from "./simulator.ts";
import { managerLog } from "./stack.ts";
import { labelled } from "./step.ts";
import { waitsTable } from "./tables.ts";
import { bringUp } from "./up.ts";
import { realWatchDeps, watch } from "./watch.ts";

/** The example workflow takes one or two minutes on two cores. */
const runLimitMs = 15 * 60_000;

const followJobs = async (context: Context, made: Made, outputs: StackOutputs): Promise<void> => {
  const { root, screen, signal } = context;
  if (made.simulator !== null) {
    made.run = await dispatch(made.simulator.url, root);
    screen.say(labelled("jobs", "dispatched .github/workflows/check.yml, which checks this repository"));
  } else {
    for (const [name, line] of Object.entries(outputs.pools))
      screen.say(labelled("jobs", `pool ${name}: ${line}`));
    screen.say(
      labelled(
        "",
        "start a workflow with such a line; its jobs appear here. Ctrl-C ends and takes all down.",
      ),
    );
  }
  screen.say("");
  const runId = made.run?.id ?? null;
  const limitMs = made.run === null ? Infinity : runLimitMs;
  const seen = (jobs: readonly Job[]) => (made.jobs = jobs);
  const options = { runId, log: managerLog(outputs), limitMs, signal, seen };
  await watch(options, realWatchDeps(screen, outputs.address, made.run?.state ?? null));
  for (const line of made.jobs.length > 0 ? ["", ...waitsTable(made.jobs), ""] : []) screen.say(line);
};

const manualCure = 'end them with "npm run muster -- local sweep", and tell what happened before.';

const sayLeftovers = (screen: Screen, left: Leftovers): void => {
  const clean = isClean(countsOf(left));
  screen.say(clean ? green("nothing is left:") : red("something is left:"));
  for (const line of leftoverLines(left, manualCure)) screen.say(line);
};

const sayKept = (screen: Screen, made: Made): void => {
  screen.say(bold("left up, as --keep wants:"));
  screen.say(`  page       ${made.outputs?.page ?? ""}`);
  screen.say(`  metrics    ${made.outputs?.metrics ?? ""}`);
  if (made.simulator !== null) screen.say(`  simulator  ${made.simulator.url}`);
  screen.say('  to end it: "npm start" again, which ends this first and itself at its end');
};

/** GitHub's word, where a run was followed to its end; else what the manager last knew. */
const countResults = (made: Made): Outcome["jobs"] => {
  const results = made.results ?? made.jobs.map((job) => job.result);
  const succeeded = results.filter((result) => result === "succeeded").length;
  return { total: results.length, succeeded, failed: results.length - succeeded };
};

export interface Ended {
  outcome: Outcome;
  code: 0 | 1 | 130;
}

const readResults = async (screen: Screen, made: Made): Promise<void> => {
  if (made.run === null) return;
  made.results = (await made.run.state()).results;
  for (const line of await made.run.failures()) screen.say(red(line));
};

/** Keeps it up or takes it down, and says what stands then. */
const end = async (
  context: Context,
  made: Made,
  keep: boolean,
  failure: (error: unknown) => void,
): Promise<Leftovers> => {
  const { screen } = context;
  try {
    const left = keep ? await countLeftovers(context, made) : await takeDown(context, made);
    if (keep) sayKept(screen, made);
    else if (made.up || made.simulator !== null) sayLeftovers(screen, left);
    return left;
  } catch (error) {
    failure(error);
    if (made.simulator !== null) await endSimulator(made.simulator.process);
    const left = await countLeftovers(context, { ...made, standing: null });
    sayLeftovers(screen, left);
    return left;
  }
};

/**
 * Runs it all.
 * @param made filled in while it goes, for whoever has to say what stands when it is cut short
 */
export const runStart = async (context: Context, made: Made): Promise<Ended> => {
  const { options, screen, signal } = context;
  const startedMs = performance.now();
  let failed = false;
  const failure = (error: unknown) => {
    failed = true;
    for (const line of errorLines(error)) screen.say(line.startsWith("  |") ? line : red(line));
  };
  try {
    await followJobs(context, made, await bringUp(context, made));
    await readResults(screen, made);
  } catch (error) {
    // Whatever fails after Ctrl-C fails because of it: the terminal sends it to Pulumi as well.
    if (signal.aborted) screen.say(yellow("interrupted: taking down what was made"));
    else failure(error);
  }
  const keep = options.keep && !failed && !signal.aborted;
  const left = await end(context, made, keep, failure);
  const jobs = countResults(made);
  const outcome: Outcome = {
    jobs,
    wait: waits(made.jobs),
    leftovers: countsOf(left),
    engine: { version: made.stack?.engine.version ?? "none", source: made.stack?.engine.source ?? "none" },
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
  };
  // What becomes of other people's jobs is theirs to judge.
  const badJobs = options.github === null && jobs.failed > 0;
  const bad = failed || badJobs || (!keep && !isClean(outcome.leftovers));
  // With a real GitHub Ctrl-C is how watching ends.
  const cutShort = signal.aborted && (options.github === null || made.outputs === null);
  return { outcome, code: cutShort ? 130 : bad ? 1 : 0 };
};
