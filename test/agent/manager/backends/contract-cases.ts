/** The cases of the contract, each by itself: contract.ts runs them for a backend that has to keep them. */
import { expect } from "vitest";
import type { ListedMachine } from "../../../../agent/manager/facts.ts";
import { reasons } from "../../../../agent/manager/world.ts";
import type { Bench } from "./contract.ts";

export interface Case {
  what: string;
  /** About a network between backend and machines. */
  remote?: true;
  run: (bench: Bench) => Promise<void> | void;
}

const ids = (machines: readonly ListedMachine[]) => machines.map(({ id }) => id);
const sorted = (machines: readonly string[]) => [...machines].sort();
const until = async (test: () => Promise<boolean>, what: string) => {
  const endMs = performance.now() + 60_000;
  while (!(await test())) {
    if (performance.now() > endMs) throw new Error(`not within 60 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (reason: unknown) => reason,
  );

export const cases: readonly Case[] = [
  {
    what: "offers are the backend's own, priced in whole numbers, and the same each time",
    run: ({ backend, entry }) => {
      const offers = backend.offers("pool-a", entry);
      expect(offers.length).toBeGreaterThan(0);
      for (const each of offers) {
        expect(each.backend).toBe(backend.name);
        expect(Number.isInteger(each.priceMicros)).toBe(true);
      }
      expect(new Set(offers.map(({ key }) => key)).size).toBe(offers.length);
      expect(backend.offers("pool-a", entry)).toEqual(offers);
    },
  },
  {
    what: "lists nothing before the first launch",
    run: async ({ list }) => expect(await list()).toEqual([]),
  },
  {
    what: "lists what it launched, with the tags by which another manager adopts it",
    run: async ({ launch, request, list, another, offer }) => {
      const answer = await launch("l1", request("l1", 2));
      expect(answer.failures).toEqual([]);
      expect(new Set(answer.machines).size).toBe(2);
      const listed = await list(another());
      expect(ids(listed)).toEqual(sorted(answer.machines));
      for (const machine of listed) {
        expect(machine).toMatchObject({ pool: "pool-a", launch: "l1", offer, running: true });
        expect(machine.startedMs).toBeGreaterThan(0);
      }
    },
  },
  {
    what: "makes each machine once, however often and by whom the launch is repeated",
    run: async ({ launch, request, another, list, made }) => {
      const wanted = request("l1", 2);
      const answers = await Promise.all([launch("l1", wanted), launch("l1", wanted)]);
      answers.push(await launch("l1", wanted, another()));
      const machines = sorted(answers[0]!.machines);
      expect(machines).toHaveLength(2);
      for (const answer of answers) expect(sorted(answer.machines)).toEqual(machines);
      expect(ids(await list())).toEqual(machines);
      await until(async () => (await made("l1", wanted)) >= 2, "the machines are made");
      expect(await made("l1", wanted)).toBe(2);
    },
  },
  {
    what: "two launches are two, also with equal requests",
    run: async ({ launch, request, list }) => {
      const first = await launch("l1", request("l1", 1));
      const second = await launch("l2", request("l2", 1));
      const listed = await list();
      expect(ids(listed)).toEqual(sorted([...first.machines, ...second.machines]));
      expect(listed.map((machine) => machine.launch).sort()).toEqual(["l1", "l2"]);
    },
  },
  {
    what: "answers in part when a part cannot be served, and says why",
    run: async ({ launch, request, lackOne, alive }) => {
      const wanted = request("l1", 3);
      const reason = await lackOne(wanted);
      const answer = await launch("l1", wanted);
      expect(answer.machines).toHaveLength(2);
      expect(answer.failures).toHaveLength(1);
      expect(answer.failures[0]).toMatchObject({ reason, scope: { on: "offer" } });
      expect(answer.failures[0]!.detail).not.toBe("");
      expect(ids(await alive())).toEqual(sorted(answer.machines));
    },
  },
  {
    what: "answers with the reason alone when nothing can be served",
    run: async ({ launch, request, lackAll, list, offer }) => {
      const wanted = request("l1", 2);
      const reason = await lackAll(wanted);
      const answer = await launch("l1", wanted);
      expect(answer.machines).toEqual([]);
      expect(answer.failures.length).toBeGreaterThan(0);
      for (const failure of answer.failures)
        expect(failure).toMatchObject({ reason, scope: { on: "offer", key: offer } });
      expect(await list()).toEqual([]);
    },
  },
  {
    what: "lists a machine that stopped by itself as not running, until nothing is left of it",
    run: async ({ launch, request, stop, list, alive, backend, made, signal }) => {
      const wanted = request("l1", 2);
      const { machines } = await launch("l1", wanted);
      const [stopped, runs] = [machines[0]!, machines[1]!];
      await stop(stopped);
      const running = async (id: string) => (await list()).find((one) => one.id === id)?.running;
      await until(async () => (await running(stopped)) !== true, "the machine is seen to have stopped");
      expect(await running(runs)).toBe(true);
      // A repeat revives nobody and replaces nobody.
      await launch("l1", wanted);
      expect(await running(stopped)).not.toBe(true);
      expect(await made("l1", wanted)).toBeLessThanOrEqual(2);
      await backend.destroy([stopped], signal);
      await until(async () => ids(await alive()).join() === runs, "nothing is left of it");
    },
  },
  {
    what: "destroys the machines it is asked to and no others, also twice, also those that are gone",
    run: async ({ launch, request, backend, alive, signal }) => {
      const { machines } = await launch("l1", request("l1", 3));
      const [first, kept, last] = [machines[0]!, machines[1]!, machines[2]!];
      const both = [first, last];
      await Promise.all([backend.destroy(both, signal), backend.destroy(both, signal)]);
      await until(async () => ids(await alive()).join() === kept, "two of three are destroyed");
      await backend.destroy([...both, "never-was"], signal);
      expect(ids(await alive())).toEqual([kept]);
    },
  },
  {
    what: "destroys what another manager launched",
    run: async ({ launch, request, another, alive, signal }) => {
      const { machines } = await launch("l1", request("l1", 1));
      const other = another();
      await other.destroy(machines, signal);
      await until(async () => (await alive(other)).length === 0, "it is destroyed");
    },
  },
  {
    what: "rejects a list rather than return a part of it",
    run: async ({ launch, request, failLists, backend, signal }) => {
      await launch("l1", request("l1", 1));
      await launch("l2", request("l2", 1));
      await failLists();
      const error = await rejection(backend.list(signal));
      expect(error).toBeInstanceOf(Error);
      const failure = backend.classify(error);
      expect(reasons).toContain(failure.reason);
      expect(failure.detail).not.toBe("");
    },
  },
  {
    what: "lists everything, over however many pages",
    remote: true,
    run: async ({ launch, request, list, remote }) => {
      const machines: string[] = [];
      for (const id of ["l1", "l2", "l3"]) machines.push(...(await launch(id, request(id, 2))).machines);
      remote!.smallPages();
      expect(ids(await list())).toEqual(sorted(machines));
    },
  },
  {
    what: "does not know what became of a launch whose answer was lost, and a repeat tells of the same machines",
    remote: true,
    run: async ({ launch, request, remote, backend, another, alive, made, offer }) => {
      const wanted = request("l1", 2);
      remote!.loseAnswers(true);
      const error = await rejection(launch("l1", wanted));
      remote!.loseAnswers(false);
      expect(error).toBeInstanceOf(Error);
      expect(backend.classify(error, offer)).toMatchObject({
        ...{ reason: "unavailable", scope: { on: "backend" } },
      });
      const machines = ids(await alive());
      expect(machines).toHaveLength(2);
      const again = await launch("l1", wanted, another());
      expect(sorted(again.machines)).toEqual(machines);
      expect(again.failures).toEqual([]);
      expect(await made("l1", wanted)).toBe(2);
    },
  },
  {
    what: "a launch that was one call too many was not made, which closes no offer",
    remote: true,
    run: async ({ launch, request, remote, list }) => {
      remote!.throttle();
      const answer = await launch("l1", request("l1", 2));
      expect(answer.machines).toEqual([]);
      expect(answer.failures).toMatchObject([{ reason: "throttled", scope: { on: "backend" } }]);
      expect(await list()).toEqual([]);
    },
  },
  {
    what: "neither lists nor destroys what is not of this stack, or not for jobs",
    remote: true,
    run: async ({ launch, request, remote, backend, list, signal }) => {
      const foreign = await remote!.foreign();
      expect(foreign.length).toBeGreaterThan(0);
      const { machines } = await launch("l1", request("l1", 1));
      expect(ids(await list())).toEqual(machines);
      await backend.destroy(foreign, signal);
      for (const id of foreign) expect(await remote!.exists(id)).toBe(true);
    },
  },
];
