/** Enrolling and syncing: what agents ask, as facts, and what they are told, from the world. */
import type { EnrollRequest, EnrollResponse, Instruction, SyncRequest, SyncResponse } from "../protocol.ts";
import { protocolVersion } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import { Refused } from "./errors.ts";
import type { Identity } from "./identity.ts";
import type { Limits } from "./limits.ts";
import type { Loop } from "./loop.ts";
import type { GitHub } from "./ports.ts";
import type { Machine } from "./world.ts";
import { isAlive } from "./world.ts";

export interface AgentsOptions {
  loop: Loop;
  identity: Identity;
  github: Pick<GitHub, "archive">;
  /** JIT configs that wait for delivery, by machine. */
  configs: Map<string, { life: number; jitConfig: string }>;
  limits: Limits;
  deps: Deps;
}

export interface Agents {
  enroll(request: EnrollRequest, address: string): Promise<EnrollResponse>;
  sync(session: string, request: SyncRequest, signal: AbortSignal): Promise<SyncResponse>;
}

export function makeAgents({ loop, identity, github, configs, limits, deps }: AgentsOptions): Agents {
  /** Ends the held sync of a machine, if there is one. */
  const held = new Map<string, () => void>();

  loop.watch({
    fact: (_fact, before, after) => {
      if (before.machines === after.machines) return;
      for (const [machine, config] of configs) {
        if (!stillWanted(after.machines[machine], config.life)) configs.delete(machine);
      }
      for (const [machine, release] of held) {
        if (before.machines[machine]?.order !== after.machines[machine]?.order) release();
      }
    },
  });

  const enroll = async (request: EnrollRequest): Promise<EnrollResponse> => {
    understood(request.protocol);
    if (!identity.isToken(request.machine, request.token)) {
      throw new Refused(401, "unknown-machine", "this token does not belong to this machine");
    }
    const machine = loop.world().machines[request.machine];
    if (!machine || !isAlive(machine) || machine.spent) {
      throw new Refused(
        401,
        "unknown-machine",
        `${request.machine} is not a machine that this manager waits for`,
      );
    }
    // The first use wins; until the first sync a repeat is the same agent whose answer was lost.
    if (machine.enrolledMs !== null && loop.world().reports[request.machine]) {
      throw new Refused(409, "already-enrolled", `${request.machine} has enrolled before`);
    }
    const controller = new AbortController();
    const stop = deps.clock.after(limits.mintTimeoutMs, () => controller.abort());
    const runner = await github.archive(request.host.arch, controller.signal).finally(stop);
    loop.report({ is: "enrolled", machine: request.machine, host: request.host });
    return {
      protocol: protocolVersion,
      session: identity.session(request.machine),
      pool: machine.pool,
      syncSeconds: limits.syncPeriodMs / 1_000,
      deadManSeconds: limits.deadManMs / 1_000,
      runner,
    };
  };

  /** The machine's order as an instruction; null when there is nothing to do. */
  const instruction = (machine: Machine, done: number): Instruction | null => {
    const { order } = machine;
    if (!order || order.id <= done) return null;
    if (order.do !== "run") return order;
    const config = configs.get(machine.id);
    if (config?.life === order.life) return { ...order, jitConfig: config.jitConfig };
    loop.report({ is: "config-lost", machine: machine.id, life: order.life });
    return null;
  };

  const sync = async (session: string, request: SyncRequest, signal: AbortSignal): Promise<SyncResponse> => {
    understood(request.protocol);
    const id = identity.machineOf(session);
    const machine = id === null ? undefined : loop.world().machines[id];
    if (id === null || !machine)
      throw new Refused(401, "session-over", "this session's machine is gone: end");
    held.get(id)?.();
    const last = loop.world().reports[id];
    if (!last || request.sequence > last.sequence) {
      const { phase, lastLife, problem, usage, sequence } = request;
      const report = { sequence, phase, lastLife, problem, usage };
      loop.report({
        is: "synced",
        machine: id,
        life: request.life,
        done: request.done,
        job: request.job,
        report,
      });
      if (request.done > 0 && machine.order?.do === "run" && machine.order.id <= request.done)
        configs.delete(id);
    }
    const answer = (): SyncResponse | null => {
      const now = loop.world().machines[id];
      const next = now ? instruction(now, request.done) : null;
      return next && { instruction: next, nextSeconds: limits.syncPeriodMs / 1_000 };
    };
    const ready = answer();
    if (ready) return ready;
    const waits = request.phase === "ready" || request.phase === "listening";
    if (!waits || held.size >= limits.syncHeldMax) return nothing(request.done, limits.syncPeriodMs);
    await hold(id, signal);
    return answer() ?? nothing(request.done, 0);
  };

  /** Resolves when the machine's order changes, a newer sync comes, time is up, or the agent hangs up. */
  const hold = (id: string, signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      const release = () => {
        cancel();
        signal.removeEventListener("abort", release);
        if (held.get(id) === release) held.delete(id);
        resolve();
      };
      const cancel = deps.clock.after(limits.syncHoldMs, release);
      held.set(id, release);
      signal.addEventListener("abort", release, { once: true });
      if (signal.aborted) release();
    });

  return { enroll, sync };
}

/** A config that will not be handed out any more is a credential without a use. */
const stillWanted = (machine: Machine | undefined, life: number): boolean =>
  machine !== undefined &&
  isAlive(machine) &&
  machine.registration?.life === life &&
  machine.stage === "registered";

const nothing = (done: number, nextMs: number): SyncResponse => ({
  instruction: { id: done, do: "wait" },
  nextSeconds: nextMs / 1_000,
});

/** A manager serves the previous, its own and the next version. */
function understood(version: number): void {
  if (Math.abs(version - protocolVersion) > 1) {
    throw new Refused(
      400,
      "bad-request",
      `protocol ${version} is not served here: ${protocolVersion - 1} to ${protocolVersion + 1} are`,
    );
  }
}
