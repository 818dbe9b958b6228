// The simulation rests on what the backends' contract says: its cloud keeps it too.
import { realClock } from "../../../agent/manager/deps.ts";
import { backendContract } from "../../agent/manager/backends/contract.ts";
import { makeStory } from "../events.ts";
import { makeFaults } from "../faults.ts";
import { prng } from "../prng.ts";
import { entry } from "../scenario.ts";
import { makeCloud } from "./cloud.ts";

backendContract("the simulated cloud", async () => {
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
    ...{ name: "alpha", offers: [offer], consistent: false, clock, random, faults },
    story: makeStory(clock),
    boot: () => () => {},
  });
  return {
    backend: cloud.backend(),
    entry: entry("alpha"),
    another: () => cloud.backend(),
    made: cloud.made,
    stop: async (machine) => cloud.stopped(machine),
    refuse: async (machine) => cloud.refuse(machine),
    failLists: async () => faults.force("list-fails", true),
    close: async () => {},
  };
});
