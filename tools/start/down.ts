/** The way down: the stack, the simulator, and the count of what is left. */
import { join } from "node:path";
import { duration } from "../terminal/table.ts";
import { standing } from "./github.ts";
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

/** What stands now, here and at the simulator; a real GitHub's part was named by `destroy` itself. */
export const countLeftovers = async (context: Context, made: Made): Promise<Leftovers> => {
  const github =
    made.simulator === null ? { runners: [], scaleSets: [] } : await standing(made.simulator.url);
  return { ...github, ...(await localLeftovers(context.root, managerFolder(context, made))) };
};

/** Destroys the stack, ends the simulator, and counts what is left; a process may take a moment to go. */
export const takeDown = async (context: Context, made: Made): Promise<Leftovers> => {
  const { root, screen } = context;
  const { stack } = made;
  const startedMs = performance.now();
  // Draining lets running jobs finish; those of a run that was cut short need not.
  await made.run?.cancel().catch(() => {});
  if (stack !== null && made.up) {
    await step(screen, "stack", (note) => destroy(stack, note)).catch((error: unknown) => {
      throw stackError("pulumi destroy", error);
    });
    screen.say(labelled("stack", `local is destroyed (${duration(performance.now() - startedMs)})`));
  }
  const atGitHub = await countLeftovers(context, made);
  if (made.simulator !== null) await endSimulator(made.simulator.process);
  const gone = async () => {
    const here = await localLeftovers(root, managerFolder(context, made));
    return here.processes.length + here.directories.length === 0 ? here : null;
  };
  const here =
    (await until(gone, goneLimitMs)) ?? (await countLeftovers(context, { ...made, simulator: null }));
  await removeRecord(root);
  return { ...atGitHub, processes: here.processes, directories: here.directories };
};
