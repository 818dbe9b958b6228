/** Draining, the whole stack or some pools: no new machines, idle ones end, busy ones finish; waits until none is left or time is up. */
import type { Deps } from "./deps.ts";
import type { Loop } from "./loop.ts";
import { isAlive } from "./world.ts";

/**
 * @param seconds how long to wait at most
 * @param progress one line each time the figures change
 * @param pools these alone; null: the whole stack
 * @returns how many machines are left; the draining goes on until it is taken back.
 */
export async function drain(
  loop: Loop,
  seconds: number,
  progress: (line: string) => void,
  signal: AbortSignal,
  deps: Deps,
  pools: readonly string[] | null = null,
): Promise<{ left: number }> {
  const { clock } = deps;
  const untilMs = clock.now() + seconds * 1_000;
  loop.report({ is: "draining", on: true, pools });
  let said = "";
  for (;;) {
    const machines = Object.values(loop.world().machines).filter(
      ({ gone, pool }) => !gone && (pools === null || pools.includes(pool)),
    );
    if (machines.length === 0) return { left: 0 };
    const busy = machines.filter((machine) => machine.stage === "busy").length;
    const ending = machines.filter((machine) => !isAlive(machine)).length;
    const line = `${machines.length} machines left: ${busy} busy, ${ending} ending, ${machines.length - busy - ending} idle`;
    if (line !== said) progress(line);
    said = line;
    if (clock.now() >= untilMs) return { left: machines.length };
    await clock.sleep(200, signal);
  }
}
