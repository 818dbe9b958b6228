/** The way up: engine, GitHub, stack. */
import { readSettings } from "../../agent/cli/local/settings.ts";
import { folder } from "../../agent/supervisor/folder.ts";
import { describeConfinement } from "../../agent/confinement/kind.ts";
import { openLocalStack, type LocalStack, type StackOutputs } from "../engine/local-stack.ts";
import { dim, yellow } from "../terminal/screen.ts";
import { duration } from "../../agent/cli/table.ts";
import { StartError } from "./errors.ts";
import { standing } from "./github.ts";
import { checkoutReads } from "./reads.ts";
import type { Context, Made } from "./made.ts";
import { realGitHub } from "./real-github.ts";
import { readRecord, removeRecord, writeRecord } from "./record.ts";
import { endSimulator, startSimulator, type Simulator } from "./simulator.ts";
import { configure, destroy, resourceCount, stackError } from "./stack.ts";
import { labelled, step } from "./step.ts";

const sourceText: Record<LocalStack["engine"]["source"], string> = {
  path: "found on PATH",
  cache: "from this project's cache",
  download: "downloaded",
  built: "built from its Go modules",
};

const openEngine = async ({ root, screen, signal }: Context, made: Made): Promise<LocalStack> => {
  const open = (note: (text: string) => void) => openLocalStack({ root, log: note });
  const stack = await step(screen, "engine", open).catch((error: unknown) => {
    throw stackError("opening the stack local", error);
  });
  made.stack = stack;
  const { version, source, command } = stack.engine;
  const plugin = command === "real" ? "" : "; @pulumi/command is a stand-in, which really runs the commands";
  screen.say(labelled("engine", `Pulumi ${version}, ${sourceText[source]}${plugin}`));
  signal.throwIfAborted();
  return stack;
};

/** A kept stack, or what a run left that was killed, is ended; somebody's own stack is not touched. */
const endPrevious = async ({ root, screen }: Context, stack: LocalStack): Promise<void> => {
  const record = await readRecord(root);
  const count = await resourceCount(stack);
  if (record === null && count === 0) return;
  if (record === null)
    throw new StartError('the stack "local" is up, and npm start did not bring it up.', {
      cure: 'end it first: "npm run pulumi -- destroy -s local".',
    });
  if (count > 0)
    await step(screen, "before", (note) => destroy(stack, note)).catch((error: unknown) => {
      throw stackError("ending what the previous npm start left up", error);
    });
  if (record.simulator !== null) await endSimulator(record.simulator.process);
  await removeRecord(root);
  screen.say(labelled("before", "ended what the previous npm start had left up"));
};

const openGitHub = async ({ root, options, screen }: Context, made: Made) => {
  if (options.github !== null) {
    await writeRecord(root, { simulator: null });
    screen.say(labelled("github", `${options.github.url}, the real one: real runner archive, real jobs`));
    return { ...options.github, simulated: false, reads: [] };
  }
  const started = (process: Simulator["process"]) => writeRecord(root, { simulator: { process } });
  const simulator = await step(screen, "github", () => startSimulator(root, started));
  made.simulator = simulator;
  made.standing = () => standing(simulator.url);
  screen.say(
    labelled("github", `simulated at ${simulator.url}: API, scale sets, runner archive, jobs' steps`),
  );
  screen.say(
    labelled("", dim("the real one: GITHUB_URL=https://github.com/OWNER/REPO GITHUB_TOKEN=... npm start")),
  );
  return {
    url: simulator.repositoryUrl,
    token: simulator.token,
    simulated: true,
    reads: await checkoutReads(root),
  };
};

/** Looks once while everything stands: what is found then is what must be gone later. */
const standingAtReal = async ({ directory }: StackOutputs, token: string): Promise<Made["standing"]> => {
  const config = await readSettings(folder(directory));
  if (config === null) return null;
  const ask = realGitHub(config, token);
  await ask();
  return ask;
};

/**
 * Finds the engine, ends what an earlier run left, opens GitHub and brings the stack up; fills `made` on the way.
 * @throws StartError, or the signal's reason after an interrupt
 */
export const bringUp = async (context: Context, made: Made): Promise<StackOutputs> => {
  const { screen, signal } = context;
  const stack = await openEngine(context, made);
  await endPrevious(context, stack);
  const github = await openGitHub(context, made);
  signal.throwIfAborted();
  const startedMs = performance.now();
  made.up = true;
  const up = async (note: (text: string) => void) => {
    await configure(stack, github);
    note("pulumi up");
    return stack.up(note);
  };
  const outputs = await step(screen, "stack", up).catch((error: unknown) => {
    throw signal.aborted ? signal.reason : stackError("pulumi up", error);
  });
  made.outputs = outputs;
  made.standing ??= await standingAtReal(outputs, github.token);
  screen.say(labelled("stack", `local is up (pulumi up, ${duration(performance.now() - startedMs)})`));
  screen.say(labelled("", `page ${outputs.page}   metrics ${outputs.metrics}`));
  const confinement = describeConfinement({ kind: outputs.confinement });
  screen.say(labelled("", outputs.confinement === "none" ? yellow(confinement) : confinement));
  signal.throwIfAborted();
  return outputs;
};
