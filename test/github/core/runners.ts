/** Runner records: made by a JIT config, online while their session is heard of, gone after their one job. */
import { randomUUID } from "node:crypto";
import { encodeJitConfig, makeKeys } from "./jit.ts";
import type { Sim } from "./sim.ts";
import { sameName, sameScope, type Runner, type ScaleSet, type Scope } from "./state.ts";

export interface NewRunner {
  name: string;
  scope: Scope;
  groupId: number;
  set: ScaleSet | null;
  labels: readonly string[];
  workFolder: string;
}

export const runnerByName = (sim: Sim, scope: Scope, name: string) =>
  runnersOf(sim, scope).find((runner) => sameName(runner.name, name));
export const runnersOf = (sim: Sim, scope: Scope) =>
  [...sim.state.runners.values()].filter((runner) => sameScope(runner.scope, scope));

export const isBusy = (runner: Runner) => runner.job?.phase === "running";
export function isOnline(sim: Sim, runner: Runner): boolean {
  const { session } = runner;
  if (!session) return false;
  return session.polls > 0 || sim.clock.now() - session.lastSeenMs < sim.options.timings.runnerOfflineMs;
}

/**
 * Registers an offline record at once and answers its JIT config; null when the name is taken, also by a call that
 * is under way.
 */
export async function register(
  sim: Sim,
  wanted: NewRunner,
): Promise<{ runner: Runner; config: string } | null> {
  const { publicKey, privateKey } = await makeKeys(sim.options.runnerKeyBits);
  if (runnerByName(sim, wanted.scope, wanted.name)) return null;
  const { workFolder, ...rest } = wanted;
  const runner: Runner = {
    ...rest,
    id: sim.nextId("runner"),
    clientId: randomUUID(),
    publicKey,
    createdMs: sim.clock.now(),
    version: null,
    session: null,
    job: null,
    spent: false,
    unacknowledged: null,
    cancellationSent: false,
    stopTimer: () => {},
  };
  runner.stopTimer = sim.later(sim.options.timings.unstartedRegistrationMs, () =>
    remove(sim, runner, "never started"),
  );
  sim.state.runners.set(runner.id, runner);
  sim.happened({ what: "runner-registered", runner: runner.name });
  return { runner, config: encodeJitConfig(sim, runner, privateKey, workFolder) };
}

/** The record goes; from now on its credentials are refused and its polls answer 404. */
export function remove(sim: Sim, runner: Runner, why: string): void {
  if (!sim.state.runners.delete(runner.id)) return;
  runner.stopTimer();
  sim.happened({ what: "runner-removed", runner: runner.name, detail: why });
}
