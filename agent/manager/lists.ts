/** Lists every backend regularly, and at once when something there is in doubt or should be gone. */
import { deadline, type Deps } from "./deps.ts";
import type { Limits } from "./limits.ts";
import type { Loop } from "./loop.ts";
import type { Backend } from "./ports.ts";

export interface Lists {
  stop(): void;
}

export function keepListing(
  loop: Loop,
  backends: ReadonlyMap<string, Backend>,
  limits: Limits,
  deps: Deps,
): Lists {
  const ends = [...backends.values()].map((backend) => listing(backend, loop, limits, deps));
  return { stop: () => ends.forEach((end) => end()) };
}

function listing(backend: Backend, loop: Loop, limits: Limits, deps: Deps): () => void {
  const { clock } = deps;
  const over = new AbortController();
  let cancel = () => {};
  let busy = false;
  let again = false;
  let eagerMs = limits.listEagerMs;

  const next = (ms: number) => {
    cancel();
    if (!over.signal.aborted) cancel = clock.after(ms, () => void list());
  };
  /** While machines should vanish, a backend whose lists cost nothing is asked again soon, then ever less often. */
  const periodMs = () => {
    const { machines } = loop.world();
    const vanishing = Object.values(machines).some(
      (machine) => machine.backend === backend.name && machine.destroyAskedMs !== null && !machine.gone,
    );
    if (!backend.consistent || !vanishing) {
      eagerMs = limits.listEagerMs;
      return limits.listPeriodMs;
    }
    eagerMs = Math.min(limits.listPeriodMs, eagerMs * 2);
    return eagerMs;
  };
  const list = async () => {
    if (busy) return void (again = true);
    busy = true;
    const startedMs = clock.now();
    const limit = deadline(clock, limits.launchTimeoutMs, `listing ${backend.name}`, over.signal);
    try {
      const machines = await backend.list(limit.signal);
      if (!over.signal.aborted) {
        const { name, consistent } = backend;
        loop.report({ is: "listed", backend: name, machines, startedMs, consistent });
      }
    } catch (error) {
      if (!over.signal.aborted)
        loop.report({ is: "list-failed", backend: backend.name, failure: backend.classify(error) });
    }
    limit.done();
    busy = false;
    next(again ? 0 : periodMs());
    again = false;
  };
  /** A list now tells what the next one by the clock would tell too late. */
  loop.watch({
    fact: (fact) => {
      const doubt = fact.is === "destroyed" || fact.is === "launch-unknown";
      if (doubt) next(busy ? limits.coalesceMsMax : 0);
    },
  });
  void list();
  return () => {
    over.abort();
    cancel();
  };
}
