/**
 * What is left to see of machines that never enrolled, fetched from their cloud before they are destroyed, for people. Best
 * effort: a destroy waits for it a bounded time, few machines are asked of a minute, and each once.
 */
import { deadline, type Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";
import type { Backend } from "./ports.ts";
import { makeRates } from "./web/rates.ts";
import type { Machine, MachineId, World } from "./world.ts";

export interface EvidenceOptions {
  world: () => World;
  backends: ReadonlyMap<string, Backend>;
  /** Gets the text as it was written. */
  keep: (machine: Machine, text: string) => void;
  limits: Pick<Limits, "evidenceTimeoutMs" | "evidencePerMinute">;
  deps: Pick<Deps, "clock" | "log">;
}

/** Resolves within `limits.evidenceTimeoutMs`, whatever happens; never rejects. */
export type Evidence = (machines: readonly MachineId[]) => Promise<void>;

export function makeEvidence({ world, backends, keep, limits, deps }: EvidenceOptions): Evidence {
  const asked = makeRates({ count: limits.evidencePerMinute, perMs: 60_000 }, deps.clock);

  const fetch = async (machine: Machine, look: NonNullable<Backend["evidence"]>): Promise<void> => {
    const { id } = machine;
    const limit = deadline(deps.clock, limits.evidenceTimeoutMs, `the console of ${id}`);
    try {
      // Also of a backend that does not heed its signal.
      const late = new Promise<never>((_resolve, reject) =>
        limit.signal.addEventListener("abort", () => reject(limit.signal.reason as Error)),
      );
      const text = await Promise.race([look(id, limit.signal), late]);
      if (text.trim() !== "") keep(machine, text);
    } catch (error) {
      deps.log.warn({ machine: id, why: (error as Error).message }, "why it never enrolled cannot be read");
    } finally {
      limit.done();
    }
  };

  return async (ids) => {
    const machines = ids.flatMap((id) => world().machines[id] ?? []);
    await Promise.all(
      machines.map(async (machine) => {
        const look = backends.get(machine.backend)?.evidence;
        // Of a place that no machine took there is nothing, and a repeated destroy was preceded by a look. A spent one may
        // have enrolled at an earlier manager.
        const due =
          machine.enrolledMs === null &&
          machine.startedMs !== null &&
          machine.destroyAskedMs === null &&
          !machine.spent;
        if (!look || !due || asked.take("") !== null) return;
        await fetch(machine, look);
      }),
    );
  };
}
