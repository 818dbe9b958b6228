/** What every backend owes the core (ports.ts, Backend); a backend's own tests call this once. */
import { afterEach, beforeEach, describe, it } from "vitest";
import type { BackendConfig } from "../../../../agent/manager-config.ts";
import type { LaunchAnswer, Backend } from "../../../../agent/manager/ports.ts";
import type { ListedMachine } from "../../../../agent/manager/facts.ts";
import type { LaunchRequest, Reason } from "../../../../agent/manager/world.ts";
import { cases, type Case } from "./contract-cases.ts";

export interface BackendRig {
  backend: Backend;
  /** One of the backend's entries in a pool's settings. */
  entry: BackendConfig;
  /** A second manager's view of the same place: nothing is remembered in memory. */
  another(): Backend;
  /** How many machines were really made for this launch, ever: of a request's names, or of what the backend named itself. */
  made(launch: string, request: LaunchRequest): number | Promise<number>;
  /** Ends a machine without the backend's doing: a crash, a shutdown, a spot loss. */
  stop(machine: string): Promise<void>;
  /** Makes one of the request's machines impossible. @returns why, as the backend has to say it */
  lackOne(request: LaunchRequest): Promise<Reason>;
  /** Makes all of them impossible. @returns why */
  lackAll(request: LaunchRequest): Promise<Reason>;
  /** Makes a complete list impossible from now on. */
  failLists(): Promise<void>;
  close(): Promise<void>;
  /** Of a backend that is asked over a network. */
  remote?: Remote;
}

export interface Remote {
  /** Launches are done and their answers never come, until it is off again. */
  loseAnswers(on: boolean): void;
  /** Launches are too many for the other side, from now on. */
  throttle(): void;
  /** Lists come in as many pages as may be. */
  smallPages(): void;
  /** Makes machines of others, as many as there are ways to be somebody else's. @returns their ids */
  foreign(): Promise<readonly string[]>;
  exists(machine: string): Promise<boolean>;
}

/** What the cases do with a rig. */
export interface Bench extends BackendRig {
  offer: string;
  signal: AbortSignal;
  /** A request for so many machines as the core keeps it, made once and then sent as often as need be. */
  request(launch: string, count: number): LaunchRequest;
  launch(launch: string, request: LaunchRequest, backend?: Backend): Promise<LaunchAnswer>;
  list(backend?: Backend): Promise<ListedMachine[]>;
  /** Those of the list of which something is left. */
  alive(backend?: Backend): Promise<ListedMachine[]>;
}

export function makeBench(rig: BackendRig): Bench {
  const { signal } = new AbortController();
  const offer = rig.backend.offers("pool-a", rig.entry)[0]!.key;
  const list = async (backend = rig.backend) =>
    [...(await backend.list(signal))].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    ...rig,
    offer,
    signal,
    request: (launch, count) => {
      const machines = Array.from({ length: count }, (_, at) => `pool-a-${launch}-${at}`);
      const request: LaunchRequest = { pool: "pool-a", offer, machines };
      const prepared = rig.backend.prepare?.(launch, request);
      return prepared === undefined ? request : { ...request, prepared };
    },
    launch: (launch, request, backend = rig.backend) => {
      const invite = (machine: string) => ({ machine, token: `one-time-token-of-${machine}` });
      return backend.launch(launch, request, request.machines.map(invite), signal);
    },
    list,
    alive: async (backend) => (await list(backend)).filter(({ end }) => end?.gone !== true),
  };
}

/** @param remote whether its rigs are */
export function backendContract(
  name: string,
  makeRig: () => Promise<BackendRig>,
  { remote = false }: { remote?: boolean } = {},
): void {
  describe(`${name} keeps the contract of backends`, () => {
    let rig: BackendRig;
    beforeEach(async () => {
      rig = await makeRig();
    });
    afterEach(() => rig.close());
    for (const one of contractCases(remote)) it(one.what, () => one.run(makeBench(rig)));
  });
}

/** Those that a backend has to keep. */
export const contractCases = (remote: boolean): readonly Case[] =>
  cases.filter((one) => remote || one.remote !== true);
