/** What every backend owes the core (ports.ts, Backend); a backend's own tests call this once. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BackendConfig } from "../../../../agent/manager-config.ts";
import type { Backend } from "../../../../agent/manager/ports.ts";
import type { ListedMachine } from "../../../../agent/manager/facts.ts";
import { reasons } from "../../../../agent/manager/world.ts";

export interface BackendRig {
  backend: Backend;
  /** One of the backend's entries in a pool's settings. */
  entry: BackendConfig;
  /** A second manager's view of the same place: nothing is remembered in memory. */
  another(): Backend;
  /** How many machines were really made with this id. */
  made(machine: string): number;
  /** Ends a machine without the backend's doing: a crash, a shutdown, a spot loss. */
  stop(machine: string): Promise<void>;
  /** Makes a machine of this id impossible. */
  refuse(machine: string): Promise<void>;
  /** Makes a complete list impossible from now on. */
  failLists(): Promise<void>;
  close(): Promise<void>;
}

export function backendContract(name: string, makeRig: () => Promise<BackendRig>): void {
  describe(`${name} keeps the contract of backends`, () => {
    const { signal } = new AbortController();
    let rig: BackendRig;
    let offer: string;
    beforeEach(async () => {
      rig = await makeRig();
      offer = rig.backend.offers("pool-a", rig.entry)[0]!.key;
    });
    afterEach(() => rig.close());

    const launch = (launch: string, machines: readonly string[], backend = rig.backend) =>
      backend.launch(
        launch,
        { pool: "pool-a", offer, machines },
        machines.map((machine) => ({ machine, token: `one-time-token-of-${machine}` })),
        signal,
      );
    const list = async (backend = rig.backend) =>
      [...(await backend.list(signal))].sort((a, b) => (a.id < b.id ? -1 : 1));
    const ids = (machines: readonly ListedMachine[]) => machines.map(({ id }) => id);
    const until = async (test: () => Promise<boolean>, what: string) => {
      const endMs = performance.now() + 20_000;
      while (!(await test())) {
        if (performance.now() > endMs) throw new Error(`not within 20 s: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };

    it("offers are the backend's own, priced in whole numbers, and the same each time", () => {
      const offers = rig.backend.offers("pool-a", rig.entry);
      expect(offers.length).toBeGreaterThan(0);
      for (const each of offers) {
        expect(each.backend).toBe(rig.backend.name);
        expect(Number.isInteger(each.priceMicros)).toBe(true);
      }
      expect(new Set(offers.map(({ key }) => key)).size).toBe(offers.length);
      expect(rig.backend.offers("pool-a", rig.entry)).toEqual(offers);
    });

    it("lists nothing before the first launch", async () => {
      expect(await list()).toEqual([]);
    });

    it("lists what it launched, with the tags by which another manager adopts it", async () => {
      const answer = await launch("l1", ["pool-a-l1-0", "pool-a-l1-1"]);
      expect([...answer.machines].sort()).toEqual(["pool-a-l1-0", "pool-a-l1-1"]);
      expect(answer.failures).toEqual([]);
      const listed = await list(rig.another());
      expect(ids(listed)).toEqual(["pool-a-l1-0", "pool-a-l1-1"]);
      for (const machine of listed) {
        expect(machine).toMatchObject({ pool: "pool-a", launch: "l1", offer, running: true });
        expect(machine.startedMs).toBeGreaterThan(0);
      }
    });

    it("makes each machine once, however often and by whom the launch is repeated", async () => {
      const machines = ["pool-a-l1-0", "pool-a-l1-1"];
      await Promise.all([launch("l1", machines), launch("l1", machines)]);
      const again = await launch("l1", machines, rig.another());
      expect([...again.machines].sort()).toEqual(machines);
      expect(ids(await list())).toEqual(machines);
      await until(async () => machines.every((id) => rig.made(id) > 0), "the machines are made");
      for (const machine of machines) expect(rig.made(machine)).toBe(1);
    });

    it("answers in part when a part cannot be served", async () => {
      await rig.refuse("pool-a-l1-1");
      const answer = await launch("l1", ["pool-a-l1-0", "pool-a-l1-1", "pool-a-l1-2"]);
      expect([...answer.machines].sort()).toEqual(["pool-a-l1-0", "pool-a-l1-2"]);
      expect(answer.failures).toHaveLength(1);
      expect(reasons).toContain(answer.failures[0]!.reason);
      expect(ids(await list())).toEqual(["pool-a-l1-0", "pool-a-l1-2"]);
    });

    it("lists a machine that stopped by itself as not running, until it is destroyed", async () => {
      await launch("l1", ["pool-a-l1-0", "pool-a-l1-1"]);
      await rig.stop("pool-a-l1-0");
      const stopped = async () => (await list()).map(({ running }) => running);
      await until(async () => (await stopped())[0] === false, "the machine is seen to have stopped");
      expect(await stopped()).toEqual([false, true]);
      await launch("l1", ["pool-a-l1-0", "pool-a-l1-1"]);
      expect(await stopped()).toEqual([false, true]); // a repeat revives nobody
      await rig.backend.destroy(["pool-a-l1-0"], signal);
      await until(async () => ids(await list()).join() === "pool-a-l1-1", "it is destroyed");
    });

    it("destroys the machines it is asked to and no others, also twice, also those that are gone", async () => {
      await launch("l1", ["pool-a-l1-0", "pool-a-l1-1", "pool-a-l1-2"]);
      const both = ["pool-a-l1-0", "pool-a-l1-2"];
      await Promise.all([rig.backend.destroy(both, signal), rig.backend.destroy(both, signal)]);
      await until(async () => ids(await list()).join() === "pool-a-l1-1", "two of three are destroyed");
      await rig.backend.destroy([...both, "never-was"], signal);
      expect(ids(await list())).toEqual(["pool-a-l1-1"]);
    });

    it("destroys what another manager launched", async () => {
      await launch("l1", ["pool-a-l1-0"]);
      const other = rig.another();
      await other.destroy(["pool-a-l1-0"], signal);
      await until(async () => (await list(other)).length === 0, "it is destroyed");
    });

    it("rejects a list rather than return a part of it", async () => {
      await launch("l1", ["pool-a-l1-0"]);
      await rig.failLists();
      const error: unknown = await rig.backend.list(signal).then(
        () => null,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(Error);
      const failure = rig.backend.classify(error);
      expect(reasons).toContain(failure.reason);
      expect(failure.detail).not.toBe("");
    });
  });
}
