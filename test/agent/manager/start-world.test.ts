// Goal: what a manager remembers is used only as far as it is complete. Method: journals as they are found, the world that
// begins with them, and what is planned for it.
import { describe, expect, test } from "vitest";
import type { Journal } from "../../../agent/manager/journal.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import { startWorld } from "../../../agent/manager/start-world.ts";
import type { Machine, World } from "../../../agent/manager/world.ts";
import { after, entry, listed, said, synced } from "./facts.ts";
import { actionsOf } from "./planning.ts";
import { config, demand, machine, now, registered, world } from "./worlds.ts";

const begun = (machines: Machine[], over: Partial<Journal> = {}): World => {
  const journal = {
    launches: [],
    losses: [],
    machines,
    completeSinceMs: now - 1e9,
    whole: true,
    draining: false,
    ...over,
  } as unknown as Journal;
  const made = startWorld({
    settings: { config: config(), hash: "h" },
    journal,
    backends: new Map(),
    limits,
    now,
  });
  const { views, offers, recipes } = world();
  return { ...made, views, offers, recipes };
};
const older = (machines: Machine[], over: Partial<Journal> = {}) =>
  begun(machines, { whole: false, completeSinceMs: now, ...over });

describe("a whole journal", () => {
  test("brings its machines back as they were", () => {
    const busy = registered("m1", "busy");
    expect(begun([busy]).machines.m1).toEqual(busy);
  });
  test("a registration whose answer was lost with the manager is given up", () => {
    const asked = registered("m1", "registered");
    const lost = { ...asked, registration: { ...asked.registration!, id: null, mintedMs: null } };
    expect(begun([lost]).machines.m1).toMatchObject({ stage: "enrolled", order: null });
  });
});

describe("an older copy of the journal", () => {
  const stages = ["asked", "starting", "enrolled", "registered", "listening", "busy", "retiring"] as const;

  test.each(stages)(
    "a machine that it remembers as %s is spent: never registered, its record looked for",
    (stage) => {
      const at = older([machine("m1", stage)]);
      expect(at.machines.m1).toMatchObject({ spent: true, registration: { name: "m1", gone: false } });
      const waiting = { ...at, demand: { a: demand(1) } };
      expect(actionsOf(waiting, "mint")).toEqual([]);
      const ended = after(at, { is: "end-asked", machine: "m1", why: "x", failedBoot: false });
      expect(actionsOf(ended, "remove-runner")).toMatchObject([{ runner: { name: "m1" } }]);
    },
  );

  test.each(stages)(
    "one remembered as %s that runs a job is given the time to say so, and works on",
    (stage) => {
      const at = older([machine("m1", stage, { stageMs: now - 3_600_000, askedMs: now - 3_600_000 })]);
      expect(actionsOf(at, "end")).toEqual([]);
      const heard = after(at, synced("m1", { ...said("busy"), job: "long" }));
      expect(heard.machines.m1).toMatchObject({ stage: "busy", spent: true });
    },
  );

  test("one whose agent says that it listens is asked for at GitHub by the record of its present life, and works on", () => {
    const before = older([registered("m1", "listening", { enrolledMs: now - 1e6, life: 1 })]);
    const heard = after(before, synced("m1", { ...said("listening"), life: 12 }));
    expect(actionsOf(heard, "end")).toEqual([]);
    expect(actionsOf(heard, "remove-runner")).toMatchObject([{ runner: { id: null, name: "m1-12" } }]);
    const busy = { is: "runner-removed", machine: "m1", name: "m1-12", outcome: "busy" } as const;
    expect(after(heard, busy).machines.m1).toMatchObject({ stage: "busy", spent: true });
  });

  test("a machine of a launch that it remembers, but which it does not know itself, is spent too", () => {
    const launch = {
      id: "l0",
      backend: "local",
      request: { pool: "a", offer: "local", machines: ["m1"] },
      worstMicros: 0,
      askedMs: now - 5_000,
      sentMs: now - 5_000,
      sends: 1,
      is: "settled" as const,
    };
    const at = after(older([], { launches: [launch] }), listed([entry("m1")]));
    expect(at.machines.m1).toMatchObject({ spent: true, registration: { name: "m1" } });
  });
});

test("a clock that was set back puts no deadline off: nothing that is remembered lies in the future", () => {
  const ahead = registered("m1", "listening", { stageMs: now + 600_000, askedMs: now + 590_000 });
  expect(begun([ahead], { completeSinceMs: now + 1 }).machines["m1"]).toMatchObject({
    stageMs: now,
    askedMs: now,
  });
});
