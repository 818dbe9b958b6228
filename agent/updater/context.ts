/** What the parts of the updater share: state that lasts, state of this process, and the world outside. */
import { type UpdaterDeps, within } from "./deps.ts";
import type { HostFolder } from "./folder.ts";
import type { UpdaterLimits } from "./limits.ts";
import type { HostState } from "./state.ts";
import type { Store } from "./store.ts";
import type { Probe, Trial } from "./trial.ts";
import type { Wanted } from "./wanted.ts";

/** Parts that may go wrong each for itself; what one says stands until it goes well. */
export type Part = "watch" | "secrets" | "updater" | "manager" | "drain" | "status" | "metrics" | "logs";

export interface UpdaterOptions {
  /** `PREFIX/files` is the parameter with the hashes. */
  parameterPrefix: string;
  /** SHA-256 of the updater that runs. */
  self: string;
  /** CloudWatch's; null where the user data names none: it is older than that. */
  logGroup: string | null;
  limits: UpdaterLimits;
}

export interface Context {
  readonly options: UpdaterOptions;
  readonly store: Store;
  readonly folder: HostFolder;
  readonly deps: UpdaterDeps;
  /** As it is on the disk. */
  state: HostState;
  /** Ends when the last change is on the disk. */
  saving: Promise<void>;
  wanted: Wanted | null;
  /** Text of the secrets file as it is wanted; null until SSM answered. */
  secrets: string | null;
  /** The manager that is being tried; not kept: a new updater tries anew. */
  trial: Trial | null;
  /** What the manager said last. */
  health: Probe | null;
  problems: Map<Part, string>;
  /** The updater makes room for a newer one. */
  over: boolean;
  stop: AbortSignal;
}

/** One change after the other. @throws Error when the disk takes none: then nothing has changed */
export const save = (context: Context, change: Partial<HostState>): Promise<void> => {
  const before = context.saving.catch(() => {
    // Whoever made that change was told.
  });
  context.saving = before.then(async () => {
    const next = { ...context.state, ...change };
    await context.folder.writeState(next);
    context.state = next;
  });
  return context.saving;
};

const sentence = (error: unknown): string => {
  const { name, message } = error as Error;
  return name === "Error" || name === "NotWanted" || name === "ManagerRefused"
    ? message
    : `${name}: ${message}`;
};

/** Runs one part; what goes wrong is said, and the others go on. */
export const attempt = async (context: Context, part: Part, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
    if (context.problems.delete(part)) context.deps.log("well again", { part });
  } catch (error) {
    const said = sentence(error);
    if (context.problems.get(part) !== said) context.deps.log("problem", { part, problem: said });
    context.problems.set(part, said);
  }
};

/** One call of the world outside, bounded. */
export const bounded = <T>(
  { deps, stop }: Context,
  ms: number,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> => within(deps.clock, ms, what, call, stop);
