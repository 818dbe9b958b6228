/** Where this machine's jobs run, one at a time: as processes of the agent here, elsewhere in a unit of root's (unit.ts). */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Deps } from "./deps.ts";
import { listenerEnvironment, writeRunnerFiles } from "./environment.ts";
import type { Limits } from "./limits.ts";
import { startListener, type Line, type Listener } from "./listener.ts";
import { emptySlot, fillSlot, isUsed, type Cell, type Slot } from "./slot.ts";

export interface Workplace {
  /** Whether an agent before this one left something there. */
  isUsed(): boolean;
  /** @throws when anything of a job is there afterwards: no other may be served then */
  empty(): Promise<void>;
  /**
   * @param unpacked folder of the unpacked runner archive
   * @param life counts the jobs of this machine
   */
  fill(unpacked: string, life: number): void;
  /** Before the first start of a life. */
  begin(life: number): Promise<void>;
  /**
   * @param launch counts the starts of this life
   * @param jitConfig null: the agent before this one started it, and what it has printed is read from its beginning
   */
  start(life: number, launch: number, jitConfig: string | null, onLine: (line: Line) => void): Listener;
  /** Waits for the runner's self-update to finish; after the limit it is started all the same, as run-helper.sh does. */
  updated(stop: AbortSignal): Promise<void>;
}

export function ownProcesses(slot: Slot, limits: Limits, deps: Deps): Workplace {
  let cell: Cell | null = null;
  const log = (life: number) => join(slot.logs, `runner-${life}.log`);
  return {
    isUsed: () => isUsed(slot),
    empty: () => emptySlot(slot, limits, deps),
    fill: (unpacked, life) => void (cell = fillSlot(slot, unpacked, life)),
    begin: async (life) => {
      await writeRunnerFiles(slot, deps.env);
      const old = log(life - limits.outputsKept);
      for (const file of [old, `${old}.1`]) await rm(file, { force: true });
    },
    start: (life, _launch, jitConfig, onLine) => {
      const env = listenerEnvironment(slot, jitConfig ?? "", deps.env);
      return startListener(slot, cell, env, log(life), onLine, limits, deps);
    },
    updated: async (stop) => {
      const flag = join(slot.root, "update.finished");
      const endMs = deps.clock.now() + limits.updateMs;
      while (!existsSync(flag) && deps.clock.now() < endMs && !stop.aborted)
        await deps.clock.sleep(500, stop);
      await rm(flag, { force: true });
    },
  };
}
