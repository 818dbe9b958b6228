/** A cloud in virtual time: machines that exist, agents that live on them, answers that get lost. */
import type { Clock } from "../../agent/manager/deps.ts";
import type { Backend, Invitation } from "../../agent/manager/ports.ts";
import type { Failure, ListedMachine } from "../../agent/manager/facts.ts";
import type { Prng } from "./prng.ts";

export interface CloudFaults {
  /** Probability of each, per call. */
  refused: number;
  answerLost: number;
  listFails: number;
  destroyFails: number;
  /** Lists show machines only after so long. */
  listLagMs: number;
  /** A launched machine never starts its agent. */
  deadBoot: number;
}

export interface Cloud extends Backend {
  readonly machines: ReadonlyMap<string, ListedMachine>;
  faults: CloudFaults;
  /** The agent's machine stops by itself. */
  stopped(id: string): void;
}

export interface CloudOptions {
  clock: Clock;
  random: Prng;
  faults: CloudFaults;
  priceMicros?: number;
  /** A machine came up. */
  boot: (invitation: Invitation) => void;
  /** A machine was ended from outside. */
  kill: (id: string) => void;
}

export function makeCloud({ clock, random, faults, boot, kill, priceMicros = 0 }: CloudOptions): Cloud {
  const machines = new Map<string, ListedMachine>();
  const visibleMs = new Map<string, number>();
  const launches = new Map<string, string>();
  const cloud: Cloud = {
    name: "cloud",
    consistent: false,
    machines,
    faults,
    offers: () => [{ key: "cloud", backend: "cloud", priceMicros, scopes: [] }],
    list: async (signal) => {
      await clock.sleep(random.ms(5, 200), signal);
      if (random.chance(cloud.faults.listFails)) throw new Error("list: 503");
      return [...machines.values()].filter(({ id }) => (visibleMs.get(id) ?? 0) <= clock.now());
    },
    launch: async (launch, request, invitations, signal) => {
      await clock.sleep(random.ms(5, 500), signal);
      if (random.chance(cloud.faults.refused)) {
        return { machines: [], failures: [failure("no-capacity", "offer", "none left")] };
      }
      // The token: the same launch with other parameters would be a bug of the manager.
      const known = launches.get(launch);
      const parameters = JSON.stringify(request);
      if (known !== undefined && known !== parameters)
        throw new Error(`launch ${launch} was repeated with other parameters`);
      launches.set(launch, parameters);
      for (const invitation of known === undefined ? invitations : []) {
        const { pool, offer } = request;
        machines.set(invitation.machine, {
          id: invitation.machine,
          pool,
          launch,
          offer,
          startedMs: clock.now(),
          running: true,
        });
        visibleMs.set(invitation.machine, clock.now() + random.ms(0, cloud.faults.listLagMs + 1));
        if (!random.chance(cloud.faults.deadBoot))
          clock.after(random.ms(100, 20_000), () => machines.has(invitation.machine) && boot(invitation));
      }
      if (random.chance(cloud.faults.answerLost)) throw new Error("launch: connection reset");
      return { machines: request.machines, failures: [] };
    },
    destroy: async (ids, signal) => {
      await clock.sleep(random.ms(5, 300), signal);
      if (random.chance(cloud.faults.destroyFails)) throw new Error("destroy: 500");
      for (const id of ids) {
        machines.delete(id);
        kill(id);
      }
    },
    stopped: (id) => {
      const machine = machines.get(id);
      if (machine) machines.set(id, { ...machine, running: false });
    },
    classify: (error) => failure("unavailable", "backend", (error as Error).message),
  };
  return cloud;
}

const failure = (reason: Failure["reason"], on: "offer" | "backend", detail: string): Failure => ({
  reason,
  scope: { on, key: "cloud" },
  detail,
  retryAfterMs: null,
});
