// The simulation rests on what the backends' contract says: its cloud keeps it too.
import { realClock } from "../../../agent/manager/deps.ts";
import { backendContract, type BackendRig } from "../../agent/manager/backends/contract.ts";
import { makeStory } from "../events.ts";
import { makeFaults } from "../faults.ts";
import { prng } from "../prng.ts";
import { entry } from "../scenario.ts";
import { makeCloud } from "./cloud.ts";

const makeRig = async (names: "request" | "own"): Promise<BackendRig> => {
  const real = realClock();
  // Its seconds are milliseconds here.
  const clock = {
    ...real,
    after: (ms: number, call: () => void) => real.after(ms / 1_000, call),
    sleep: (ms: number, signal?: AbortSignal) => real.sleep(ms / 1_000, signal),
  };
  const random = prng(1);
  const faults = makeFaults({}, random, clock);
  const offer = { key: "alpha:spot", backend: "alpha", priceMicros: 30_000, scopes: [] };
  const cloud = makeCloud({
    ...{ name: "alpha", offers: [offer], consistent: false, names, clock, random, faults },
    story: makeStory(clock),
    boot: () => () => {},
  });
  return {
    backend: cloud.backend(),
    entry: entry("alpha"),
    another: () => cloud.backend(),
    made: (_launch, { machines }) => machines.reduce((sum, place) => sum + cloud.made(place), 0),
    stop: async (machine) => cloud.stopped(machine),
    lackOne: async ({ machines }) => (cloud.refuse(machines[1]!), "no-capacity"),
    lackAll: async () => (faults.force("shortage", true), "no-capacity"),
    failLists: async () => faults.force("list-fails", true),
    close: async () => {},
    remote: {
      loseAnswers: (on) => faults.force("launch-answer-lost", on),
      throttle: () => faults.force("launch-refused", true),
      // A list of it is read in pages at two moments anyway.
      smallPages: () => {},
      foreign: async () => [...cloud.foreign],
      exists: async (id) => cloud.foreign.has(id),
    },
  };
};

backendContract("the simulated cloud", () => makeRig("request"), { remote: true });
backendContract("the simulated cloud that names its machines", () => makeRig("own"), { remote: true });
