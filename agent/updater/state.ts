/** What was decided on this machine, kept over restarts of updater and machine. */
import * as z from "zod";
import type { Release } from "./release.ts";

const release = z.object({
  manager: z.string(),
  runner: z.string(),
  config: z.looseObject({ manager: z.looseObject({ port: z.int(), socket: z.string() }) }),
  keys: z.string(),
});

const state = z.object({
  /** What settings and link name; null before the first. */
  running: z.nullable(release),
  /** The last that proved itself; the way back while another one is on trial. */
  good: z.nullable(release),
  /** `key`: processKey of a release that did not become healthy: not tried again until it changes. */
  refused: z.nullable(z.object({ key: z.string(), manager: z.string(), reason: z.string() })),
  /** Text of settings that the manager would not read, by hash. */
  refusedSettings: z.nullable(z.object({ hash: z.string(), reason: z.string() })),
  /** The order in force. `untilMs`: wall clock. */
  drain: z.nullable(
    z.object({
      id: z.string(),
      pools: z.nullable(z.array(z.string())),
      untilMs: z.number(),
      left: z.nullable(z.int()),
      done: z.boolean(),
    }),
  ),
});
export type HostState = Omit<z.infer<typeof state>, "running" | "good"> & {
  running: Release | null;
  good: Release | null;
};

export const newState: HostState = {
  running: null,
  good: null,
  refused: null,
  refusedSettings: null,
  drain: null,
};

/** A file of another version, or a torn one, is as none: the machine begins anew. */
export const parseState = (value: unknown): HostState => {
  const parsed = state.safeParse(value);
  return parsed.success ? (parsed.data as HostState) : newState;
};
