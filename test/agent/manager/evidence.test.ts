// Goal: a machine that never enrolled leaves what its cloud can tell, and no destroy waits long for it.
import { pino } from "pino";
import { expect, test } from "vitest";
import { makeAct } from "../../../agent/manager/act.ts";
import { apply } from "../../../agent/manager/apply.ts";
import { makeEvidence } from "../../../agent/manager/evidence.ts";
import { makeIdentity } from "../../../agent/manager/identity.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import type { Backend, GitHub } from "../../../agent/manager/ports.ts";
import type { Machine, World } from "../../../agent/manager/world.ts";
import { virtualClock } from "../../simulation/clock.ts";
import { machine, world } from "./worlds.ts";

const failure = {
  reason: "unknown",
  scope: { on: "backend", key: "local" },
  detail: "",
  retryAfterMs: null,
} as const;

function set(machines: readonly Machine[], look: Backend["evidence"]) {
  const clock = virtualClock();
  let state: World = world({ machines });
  const order: string[] = [];
  const kept: [string, string][] = [];
  const backend: Backend = {
    ...{ name: "local", consistent: true, offers: () => [], list: async () => [], classify: () => failure },
    launch: async () => ({ machines: [], failures: [] }),
    destroy: async (ids) => void order.push(`destroy ${ids.join()}`),
    ...(look && {
      evidence: (id, signal) => {
        order.push(`look ${id}`);
        return look(id, signal);
      },
    }),
  };
  const backends = new Map([["local", backend]]);
  const deps = { clock, random: () => 0, id: () => "abc", log: pino({ level: "silent" }), fetch };
  const evidence = makeEvidence({
    world: () => state,
    backends,
    keep: ({ id }, text) => void kept.push([id, text]),
    limits,
    deps,
  });
  const act = makeAct({
    world: () => state,
    report: (fact) => {
      state = apply(state, fact, clock.now(), limits);
      return true;
    },
    backends,
    github: {} as GitHub,
    identity: makeIdentity(Buffer.alloc(32, 1)),
    configs: new Map(),
    evidence,
    observe: () => {},
    limits,
    deps,
  });
  const destroy = (...ids: string[]) =>
    act([{ key: `destroy:${ids.join()}`, do: "destroy", backend: "local", machines: ids }]);
  return { clock, order, kept, destroy };
}
const dead = (id: string, over: Partial<Machine> = {}) => machine(id, "done", { enrolledMs: null, ...over });

test("a machine that never enrolled is looked at before it is destroyed, and once", async () => {
  const run = set([dead("m1")], async () => "Kernel panic\n");
  run.destroy("m1");
  await run.clock.advance(0);
  run.destroy("m1");
  await run.clock.advance(0);
  expect(run.order).toEqual(["look m1", "destroy m1", "destroy m1"]);
  expect(run.kept).toEqual([["m1", "Kernel panic\n"]]);
});

test("one that enrolled is not, nor a place that no machine took, nor where there is nothing to see", async () => {
  const run = set([machine("m1", "done"), dead("m2", { startedMs: null })], async () => "x");
  run.destroy("m1", "m2");
  const without = set([dead("m1")], undefined);
  without.destroy("m1");
  await Promise.all([run.clock.advance(0), without.clock.advance(0)]);
  expect([run.order, without.order]).toEqual([["destroy m1,m2"], ["destroy m1"]]);
});

test("a cloud that does not answer holds the destroy up for five seconds, also when it heeds nobody", async () => {
  const run = set([dead("m1"), dead("m2")], () => new Promise(() => {}));
  run.destroy("m1", "m2");
  await run.clock.advance(limits.evidenceTimeoutMs - 1);
  expect(run.order).toEqual(["look m1", "look m2"]);
  await run.clock.advance(1);
  expect(run.order).toEqual(["look m1", "look m2", "destroy m1,m2"]);
});

test("what cannot be read, or is empty, is nothing", async () => {
  const run = set([dead("m1"), dead("m2")], (id) =>
    id === "m1" ? Promise.reject(new Error("denied")) : Promise.resolve(" \n"),
  );
  run.destroy("m1", "m2");
  await run.clock.advance(0);
  expect(run.order.at(-1)).toBe("destroy m1,m2");
  expect(run.kept).toEqual([]);
});

test("of a hundred that fail together four a minute are asked, and none waits for its turn", async () => {
  const ids = Array.from({ length: 100 }, (_, n) => `m${n}`);
  const run = set(
    ids.map((id) => dead(id)),
    async () => "x",
  );
  run.destroy(...ids.slice(0, 50));
  await run.clock.advance(0);
  expect(run.kept).toHaveLength(limits.evidencePerMinute);
  await run.clock.advance(60_000);
  run.destroy(...ids.slice(50));
  await run.clock.advance(0);
  expect(run.kept).toHaveLength(2 * limits.evidencePerMinute);
  expect(run.order.filter((each) => each.startsWith("destroy"))).toHaveLength(2);
});
