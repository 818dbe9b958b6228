/** The way down: the stack, the simulator, and the count of what is left. */
import { join } from "node:path";
import { duration } from "../../agent/cli/table.ts";
import { localLeftovers, type Leftovers } from "./leftovers.ts";
import type { Context, Made } from "./made.ts";
import { removeRecord } from "./record.ts";
import { endSimulator } from "./simulator.ts";
import { destroy, stackError } from "./stack.ts";
import { labelled, step } from "./step.ts";
import { until } from "./wait.ts";

/** A process that was told to end may take a moment. */
const goneLimitMs = 10_000;

const managerFolder = ({ root }: Context, made: Made): string =>
  made.outputs?.directory ?? join(root, ".muster/local");

const nothing: Leftovers = { processes: [], directories: [], runners: [], scaleSets: [] };

const countHere = (context: Context, made: Made) =>
  localLeftovers(context.root, managerFolder(context, made));
const countAtGitHub = async (made: Made) => (await made.standing?.()) ?? { runners: [], scaleSets: [] };

/** What stands now, here and at GitHub. */
export const countLeftovers = async (context: Context, made: Made): Promise<Leftovers> => ({
  ...(await countAtGitHub(made)),
  ...(await countHere(context, made)),
});

const destroyStack = async ({ screen }: Context, made: Made): Promise<void> => {
  const { stack } = made;
  if (stack === null || !made.up) return;
  const startedMs = performance.now();
  await step(screen, "stack", (note) => destroy(stack, note)).catch((error: unknown) => {
    throw stackError("pulumi destroy", error);
  });
  screen.say(labelled("stack", `local is destroyed (${duration(performance.now() - startedMs)})`));
};

/**
 * Destroys the stack, ends the simulator, and counts what is left; a process may take a moment to go. Where nothing was
 * made yet nothing is touched: what stands then is somebody else's, or the previous run's to be ended next time.
 */
export const takeDown = async (context: Context, made: Made): Promise<Leftovers> => {
  if (!made.up && made.simulator === null) return nothing;
  // Draining lets running jobs finish; those of a run that was cut short need not.
  await made.run?.cancel().catch(() => {});
  await destroyStack(context, made);
  const atGitHub = await countAtGitHub(made);
  if (made.simulator !== null) await endSimulator(made.simulator.process);
  const gone = async () => {
    const here = await countHere(context, made);
    return here.processes.length + here.directories.length === 0 ? here : null;
  };
  const here = (await until(gone, goneLimitMs)) ?? (await countHere(context, made));
  await removeRecord(context.root);
  return { ...atGitHub, ...here };
};
