/** What the manager of a folder says of itself, or why it says nothing. */
import * as z from "zod";
import type { ManagerConfig } from "../manager-config.ts";
import type { ManagerState } from "../manager/view.ts";
import { readControl } from "../supervisor/control.ts";
import { readRecord } from "../supervisor/folder.ts";
import { tail } from "../supervisor/logs.ts";
import { isAlive } from "../supervisor/process.ts";
import { readSettings } from "./local/settings.ts";
import { upCommand, type Where } from "./where.ts";

export interface Found {
  /** Null: the folder has no readable settings. */
  config: ManagerConfig | null;
  /** Process ids; null where it does not run. */
  supervisor: number | null;
  manager: number | null;
  /** Null: nobody answers. */
  state: ManagerState | null;
  /** Why nobody answers, with what to do; both null when somebody does. */
  problem: string | null;
  cure: string | null;
}

const limitMs = 5_000;

const text = z.string();
/** What the verbs rely on. A manager of another version may lack the rest, which then is as if there was nothing. */
const state = z.looseObject({
  stack: z.object({ project: text, name: text }),
  atMs: z.number(),
  startedMs: z.number(),
  configHash: text,
  managerBundle: text,
  healthy: z.boolean(),
  problem: z.nullable(text),
  draining: z.boolean(),
  connect: z.array(z.unknown()).default([]),
  pools: z.array(z.looseObject({ name: text, warnings: z.array(text).default([]) })),
  machines: z.array(z.looseObject({ id: text, pool: text, stage: text })),
  jobs: z.array(z.looseObject({ id: text, name: text })),
});

/** Never rejects for what is found. */
export const findState = async ({ stack, paths }: Where): Promise<Found> => {
  const record = await readRecord(paths);
  const supervisor = isAlive(record?.supervisor) ? record.supervisor.pid : null;
  const manager = isAlive(record?.manager) ? record.manager.pid : null;
  const known = { supervisor, manager, state: null };
  let config: ManagerConfig | null;
  try {
    config = await readSettings(paths);
  } catch (error) {
    const problem = (error as Error).message;
    return { ...known, config: null, problem, cure: `write it anew: ${upCommand(stack)}` };
  }
  const up = upCommand(config?.stack.name ?? stack);
  if (!config) {
    const problem = `no manager was ever started in ${paths.directory}`;
    return { ...known, config, problem, cure: `start one: ${up}` };
  }
  try {
    const answer = await readControl(config.manager.socket, "/control/state", limitMs);
    if (answer.status !== 200) throw new Error(`it answered with ${answer.status}`);
    const read = state.safeParse(JSON.parse(answer.body));
    if (!read.success) throw new Error(`its answer is of another version:\n${z.prettifyError(read.error)}`);
    return { ...known, config, state: read.data as unknown as ManagerState, problem: null, cure: null };
  } catch (error) {
    const said = await why(error as NodeJS.ErrnoException, supervisor, config);
    return { ...known, config, ...said(up, paths.managerLog, await tail(paths.managerLog, 3)) };
  }
};

const why = async (error: NodeJS.ErrnoException, supervisor: number | null, { manager }: ManagerConfig) => {
  const nobody = error.code === "ENOENT" || error.code === "ECONNREFUSED";
  return (up: string, log: string, end: string): { problem: string; cure: string } => {
    if (error.code === "EACCES")
      return {
        problem: `the control socket ${manager.socket} belongs to another user`,
        cure: "run this as the user who ran `up`",
      };
    if (nobody && supervisor === null)
      return { problem: "the manager does not run, and nothing would start it", cure: `start it: ${up}` };
    if (nobody)
      return {
        problem: `the supervisor (pid ${supervisor}) runs, but its manager does not answer yet or keeps ending. End of ${log}: ${end.trim().slice(-600) || "empty"}`,
        cure: `cure what the log says, then: ${up}`,
      };
    return { problem: `the manager does not say how it is: ${error.message}`, cure: `start it anew: ${up}` };
  };
};
