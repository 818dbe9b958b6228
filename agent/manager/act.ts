/**
 * Does what plan decided: starts calls, waits for none, and turns each end into a fact. What must be remembered is a
 * fact, and so in the journal, before its call leaves.
 */
import { deadline, type Deps } from "./deps.ts";
import type { Evidence } from "./evidence.ts";
import type { Identity } from "./identity.ts";
import type { Limits } from "./limits.ts";
import { rerun } from "./act/rerun.ts";
import type { Action } from "./plan.ts";
import type { Backend, GitHub } from "./ports.ts";
import type { Fact } from "./facts.ts";
import { type Launch, livesBefore, type Machine, newMachine, type World } from "./world.ts";

export interface Acting {
  world: () => World;
  /** Applies a fact at once; false when it could not be journalled. */
  report: (fact: Fact) => boolean;
  backends: ReadonlyMap<string, Backend>;
  github: GitHub;
  identity: Identity;
  /** JIT configs between their mint and their delivery, by machine; never in the world. */
  configs: Map<string, { life: number; jitConfig: string }>;
  /** Called before machines are destroyed, and waited for; by default nothing. */
  evidence?: Evidence;
  /** Called with each action's end, for metrics. */
  observe: (kind: Action["do"], outcome: "ok" | "failed", seconds: number) => void;
  /** Called when an action begins; what it returns, when it ends. */
  began?: (kind: Action["do"]) => () => void;
  limits: Limits;
  deps: Deps;
}

export type Act = (actions: readonly Action[]) => void;

export function makeAct(acting: Acting): Act {
  const underWay = new Set<string>();
  return (actions) => {
    for (const action of actions) {
      // A launch is in the world before its call leaves: a second one with the same key is for other jobs.
      if (action.do !== "launch") {
        if (underWay.has(action.key)) continue;
        underWay.add(action.key);
      }
      const beganMs = acting.deps.clock.now();
      const ended = acting.began?.(action.do);
      const done = (outcome: "ok" | "failed") => {
        if (action.do !== "launch") underWay.delete(action.key);
        ended?.();
        acting.observe(action.do, outcome, (acting.deps.clock.now() - beganMs) / 1_000);
      };
      perform(acting, action).then(
        (ok) => done(ok ? "ok" : "failed"),
        (error: unknown) => {
          acting.deps.log.error({ err: error, action: action.key }, "an action failed in an unforeseen way");
          done("failed");
        },
      );
    }
  };
}

/** Resolves with whether it came out well; every outcome is a fact by then. */
async function perform(acting: Acting, action: Action): Promise<boolean> {
  switch (action.do) {
    case "destroy":
      return destroy(acting, action);
    case "end":
      return acting.report({
        is: "end-asked",
        machine: action.machine,
        why: action.why,
        failedBoot: action.failedBoot,
        ...(action.reason ? { reason: action.reason } : {}),
      });
    case "retire":
      acting.report({ is: "retire-asked", machine: action.machine });
      return remove(acting, action);
    case "remove-runner":
      acting.report({ is: "remove-asked", machine: action.machine });
      return remove(acting, action);
    case "mint":
      return mint(acting, action);
    case "launch":
      return launch(acting, action);
    case "repeat-launch": {
      acting.report({ is: "launch-repeated", launch: action.launch });
      const again = acting.world().launches[action.launch];
      return again ? send(acting, again) : true;
    }
    case "rerun":
      return rerun(acting, action);
  }
}

type Of<K extends Action["do"]> = Extract<Action, { do: K }>;

/** Runs one call against its time limit. */
async function within<T>(
  { deps, limits }: Acting,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = deadline(deps.clock, limits.launchTimeoutMs, what);
  try {
    return await call(limit.signal);
  } finally {
    limit.done();
  }
}

async function destroy(acting: Acting, { backend, machines }: Of<"destroy">): Promise<boolean> {
  const source = acting.backends.get(backend);
  if (!source) return false;
  if (acting.evidence) await acting.evidence(machines);
  acting.report({ is: "destroy-asked", machines });
  try {
    await within(acting, `destroy at ${backend}`, (signal) => source.destroy(machines, signal));
    return acting.report({ is: "destroyed", machines });
  } catch (error) {
    acting.report({ is: "destroy-failed", machines, failure: source.classify(error) });
    return false;
  }
}

async function remove(
  acting: Acting,
  { machine, pool, runner }: Of<"remove-runner"> | Of<"retire">,
): Promise<boolean> {
  try {
    const outcome = await within(acting, `removing runner ${runner.name}`, (signal) =>
      acting.github.remove(pool, runner, signal),
    );
    return acting.report({ is: "runner-removed", machine, name: runner.name, outcome });
  } catch (error) {
    acting.report({ is: "remove-failed", machine, failure: acting.github.classify(error, pool) });
    return false;
  }
}

async function mint(acting: Acting, { machine, pool, life, name }: Of<"mint">): Promise<boolean> {
  if (!acting.report({ is: "mint-asked", machine, name, life })) {
    acting.report({ is: "mint-failed", machine, life, failure: journalFailure(pool), sent: false });
    return false;
  }
  try {
    const { runnerId, jitConfig } = await within(acting, `registering ${name}`, (signal) =>
      acting.github.mint(pool, name, signal),
    );
    const wanted = acting.world().machines[machine];
    if (wanted?.stage === "registered" && wanted.registration?.life === life) {
      acting.configs.set(machine, { life, jitConfig });
    }
    return acting.report({ is: "minted", machine, life, runnerId, name });
  } catch (error) {
    acting.report({
      is: "mint-failed",
      machine,
      life,
      failure: acting.github.classify(error, pool),
      sent: true,
    });
    return false;
  }
}

const journalFailure = (pool: string) =>
  ({
    reason: "unknown",
    scope: { on: "github", key: pool },
    detail: "the journal cannot be written",
    retryAfterMs: null,
  }) as const;

async function launch(
  acting: Acting,
  { pool, backend, offer, count, priceMicros, slots }: Of<"launch">,
): Promise<boolean> {
  const { deps } = acting;
  const now = deps.clock.now();
  const id = deps.id(10);
  // GitHub's runner names may hold 64 characters; the launch id makes them unique for ever.
  const machines =
    slots ?? Array.from({ length: count }, (_, index) => `${pool.slice(0, 40)}-${id}-${index}`);
  const request = { pool, offer, machines };
  const prepared = acting.backends.get(backend)?.prepare?.(id, request);
  const entry: Launch = {
    id,
    backend,
    request: prepared === undefined ? request : { ...request, prepared },
    worstMicros: priceMicros,
    askedMs: now,
    sentMs: now,
    sends: 1,
    is: "in-flight",
  };
  const recipe = acting.world().recipes[pool] ?? "";
  const made = machines.map((machine) => ({
    ...machineOf(machine, entry, recipe, now),
    ...(slots && { slot: true as const, life: livesBefore(now) }),
  }));
  if (!acting.report({ is: "launch-sent", launch: entry, machines: made })) {
    // A launch that could be forgotten is not sent.
    acting.report({ is: "launched", launch: id, machines: [], failures: [] });
    return false;
  }
  return send(acting, entry);
}

async function send(acting: Acting, { id, backend, request }: Launch): Promise<boolean> {
  const source = acting.backends.get(backend);
  if (!source) return false;
  const invitations = request.machines.map((machine) => ({ machine, token: acting.identity.token(machine) }));
  try {
    const answer = await within(acting, `launch at ${backend}`, (signal) =>
      source.launch(id, request, invitations, signal),
    );
    acting.report({ is: "launched", launch: id, machines: answer.machines, failures: answer.failures });
    return answer.failures.length === 0;
  } catch (error) {
    acting.report({ is: "launch-unknown", launch: id, failure: source.classify(error, request.offer) });
    return false;
  }
}

function machineOf(id: string, entry: Launch, recipe: string, now: number): Machine {
  return newMachine({
    id,
    pool: entry.request.pool,
    backend: entry.backend,
    offer: entry.request.offer,
    launch: entry.id,
    priceMicros: entry.worstMicros,
    recipe,
    spent: false,
    stage: "asked",
    stageMs: now,
    askedMs: now,
    startedMs: null,
  });
}
