/** Enrolling and syncing: what agents ask, as facts, and what they are told, from the world. */
import type { EnrollRequest, EnrollResponse, Instruction, SyncRequest, SyncResponse } from "../protocol.ts";
import { protocolVersion } from "../protocol.ts";
import type { Deps } from "./deps.ts";
import { Refused } from "./errors.ts";
import type { Identity } from "./identity.ts";
import type { Documents } from "./identity/documents.ts";
import type { Limits } from "./limits.ts";
import type { Loop } from "./loop.ts";
import type { GitHub } from "./ports.ts";
import type { Machine, MachineId, Ms } from "./world.ts";
import { isAlive } from "./world.ts";
import { plainAddress } from "./web/address.ts";

export interface AgentsOptions {
  loop: Loop;
  identity: Identity;
  github: Pick<GitHub, "archive">;
  /** JIT configs that wait for delivery, by machine. */
  configs: Map<string, { life: number; jitConfig: string }>;
  /**
   * `own` (the default): a machine is heard only from the address that it enrolled from. `any`: where machines come
   * through address translation an address proves nothing; token, document and session alone count.
   */
  addresses?: () => "own" | "any";
  /** What judges the documents of machines of a cloud; by default none enrols. */
  documents?: Documents;
  /** What agents measure their distance to; by default nothing. */
  hosts?: GitHub["hosts"];
  limits: Limits;
  deps: Deps;
}

/** `address`: the caller's IP address, empty over a Unix socket. */
export interface Agents {
  enroll(request: EnrollRequest, address: string): Promise<EnrollResponse>;
  sync(session: string, request: SyncRequest, signal: AbortSignal, address?: string): Promise<SyncResponse>;
}

export function makeAgents(options: AgentsOptions): Agents {
  const { loop, identity, github, configs, documents, hosts, limits, deps } = options;
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

  const anywhere = () => options.addresses?.() === "any";
  const placeOf = (address: string) => (anywhere() ? "" : plainAddress(address));

  /** The machine that may enrol with what it shows from there. */
  const admitted = (request: EnrollRequest, place: string): { machine: Machine; sinceMs?: Ms } => {
    if (request.document !== undefined && documents) return documents.admit(request, request.document, place);
    const { machine: id, token = "" } = request;
    if (!identity.isToken(id, token))
      throw new Refused(401, "unknown-machine", "this token does not belong to this machine");
    return { machine: invited(id, place) };
  };
  const invited = (id: MachineId, place: string): Machine => {
    const known = loop.world().machines[id];
    const machine = known && documents?.prove(known) ? undefined : known;
    if (!machine || !isAlive(machine) || machine.spent) {
      throw new Refused(401, "unknown-machine", `${id} is not a machine that this manager waits for`);
    }
    // The first use wins; until the first sync a repeat from the same place is the agent whose answer was lost.
    if (machine.enrolledMs !== null && (machine.introduced || machine.address !== place)) {
      throw new Refused(409, "already-enrolled", `${id} has enrolled before`);
    }
    return machine;
  };

  const enroll = async (request: EnrollRequest, address: string): Promise<EnrollResponse> => {
    understood(request.protocol);
    const place = placeOf(address);
    admitted(request, place);
    const controller = new AbortController();
    const stop = deps.clock.after(limits.mintTimeoutMs, () => controller.abort());
    const runner = await github.archive(request.host.arch, controller.signal).finally(stop);
    // GitHub may have taken its time: another may have been first, or the machine's is over.
    const { machine, sinceMs } = admitted(request, place);
    loop.report({ is: "enrolled", machine: request.machine, host: request.host, address: place });
    return {
      protocol: protocolVersion,
      session: identity.session(request.machine, place, machine.slot ? sinceMs : undefined),
      pool: machine.pool,
      syncSeconds: limits.syncPeriodMs / 1_000,
      deadManSeconds: limits.deadManMs / 1_000,
      runner,
      ...(hosts ? { github: hosts() } : {}),
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

  /** The machine that speaks. One that is finished with is heard until it is gone: it must be told to end. */
  const speaker = (session: string, place: string): Machine => {
    const holder = identity.holderOf(session);
    const machine = holder === null ? undefined : loop.world().machines[holder.machine];
    if (!machine || machine.stage === "lost")
      throw new Refused(401, "session-over", "this session's machine is gone: end");
    // One that was given where addresses counted is good where they do not any more.
    if (!anywhere() && holder!.address !== place)
      throw new Refused(401, "session-over", "this session was given to another address: end");
    // The machine that it was given to is gone, although one of the same name runs.
    if (machine.slot && (holder!.sinceMs ?? 0) < machine.askedMs - limits.clockSkewMs)
      throw new Refused(
        401,
        "session-over",
        "this session was given to an earlier start of its machine: end",
      );
    return machine;
  };

  const sync: Agents["sync"] = async (session, request, signal, address = "") => {
    understood(request.protocol);
    const machine = speaker(session, placeOf(address));
    const { id } = machine;
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
    const waits = isAlive(machine) && (request.phase === "ready" || request.phase === "listening");
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
