// Goal: what must be remembered is a fact before its call leaves, and every end of a call is a fact. Method: the real act with
// scripted ports; facts are read in the order they were reported.
import { pino } from "pino";
import { describe, expect, test } from "vitest";
import { type Acting, makeAct } from "../../../agent/manager/act.ts";
import { apply } from "../../../agent/manager/apply.ts";
import { makeIdentity } from "../../../agent/manager/identity.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import type { Action } from "../../../agent/manager/plan.ts";
import type { Backend, GitHub } from "../../../agent/manager/ports.ts";
import type { Fact, Failure } from "../../../agent/manager/facts.ts";
import type { World } from "../../../agent/manager/world.ts";
import { virtualClock } from "../../simulation/clock.ts";
import { machine, registered, world } from "./worlds.ts";

const failure = (reason: Failure["reason"]): Failure => ({
  reason,
  scope: { on: "backend", key: "local" },
  detail: "no",
  retryAfterMs: null,
});
const never = () => Promise.reject(new Error("not expected"));

function set(start: World, backend: Partial<Backend>, github: Partial<GitHub> = {}) {
  const clock = virtualClock();
  const facts: Fact[] = [];
  const order: string[] = [];
  let state = start;
  let writable = true;
  const acting: Acting = {
    world: () => state,
    report: (fact) => {
      facts.push(fact);
      order.push(fact.is);
      state = apply(state, fact, clock.now(), limits);
      return writable;
    },
    backends: new Map([
      [
        "local",
        {
          name: "local",
          consistent: true,
          offers: () => [],
          list: never,
          launch: never,
          destroy: never,
          classify: () => failure("unavailable"),
          ...backend,
        },
      ],
    ]),
    github: { mint: never, remove: never, classify: () => failure("unavailable"), ...github } as GitHub,
    identity: makeIdentity(Buffer.alloc(32, 1)),
    configs: new Map(),
    observe: (kind, outcome) => order.push(`${kind} ${outcome}`),
    limits,
    deps: { clock, random: () => 0, id: () => "abc", log: pino({ level: "silent" }), fetch },
  };
  const act = makeAct(acting);
  return { clock, facts, order, acting, act, deaf: () => (writable = false), world: () => state };
}
const launch: Action = {
  key: "k",
  do: "launch",
  pool: "a",
  backend: "local",
  offer: "local",
  count: 2,
  priceMicros: 5,
};

describe("a launch", () => {
  test("is in the world, with machines and tokens, before its call leaves", async () => {
    let seen: string[] = [];
    const run = set(world(), {
      launch: async (_id, request, invitations) => {
        seen = Object.keys(run.world().machines);
        expect(invitations.every(({ machine, token }) => run.acting.identity.isToken(machine, token))).toBe(
          true,
        );
        return { machines: request.machines, failures: [] };
      },
    });
    run.act([launch]);
    await run.clock.advance(0);
    expect(seen).toEqual(["a-abc-0", "a-abc-1"]);
    expect(run.order).toEqual(["launch-sent", "launched", "launch ok"]);
  });

  test("that cannot be journalled is not sent", async () => {
    const run = set(world(), {});
    run.deaf();
    run.act([launch]);
    await run.clock.advance(0);
    expect(run.order).toEqual(["launch-sent", "launched", "launch failed"]);
    expect(Object.keys(run.world().machines)).toEqual([]);
  });

  test("without an answer within its time is unknown, never failed", async () => {
    const run = set(world(), {
      launch: (_id, _request, _invitations, signal) =>
        new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason as Error)),
        ),
    });
    run.act([launch]);
    await run.clock.advance(limits.launchTimeoutMs);
    expect(run.order).toEqual(["launch-sent", "launch-unknown", "launch failed"]);
    expect(Object.keys(run.world().machines)).toHaveLength(2);
  });

  test("does not hold up another one of the same pool and offer", async () => {
    let calls = 0;
    const run = set(world(), {
      launch: () => {
        calls += 1;
        return new Promise(() => {});
      },
    });
    run.act([launch]);
    run.act([launch]);
    await run.clock.advance(0);
    expect(calls).toBe(2);
  });

  test("is repeated byte for byte", async () => {
    const requests: string[] = [];
    const run = set(world(), {
      launch: async (id, request, invitations) => {
        requests.push(JSON.stringify([id, request, invitations]));
        throw new Error("reset");
      },
    });
    run.act([launch]);
    await run.clock.advance(0);
    run.act([{ key: "again", do: "repeat-launch", launch: "abc" }]);
    await run.clock.advance(0);
    expect(requests[1]).toBe(requests[0]);
    expect(requests).toHaveLength(2);
  });
});

test("what a backend prepared for a launch is in the journal before its call leaves, and is sent again as it was", async () => {
  let made = 0;
  const sent: (string | undefined)[] = [];
  const run = set(world(), {
    prepare: (id, { machines }) => `${id} ${machines.length} ${++made}`,
    launch: async (_id, request) => {
      sent.push(request.prepared, run.world().launches["abc"]?.request.prepared);
      throw new Error("reset");
    },
  });
  run.act([launch]);
  await run.clock.advance(0);
  run.act([{ key: "again", do: "repeat-launch", launch: "abc" }]);
  await run.clock.advance(0);
  expect(sent).toEqual(Array.from({ length: 4 }, () => "abc 2 1"));
});

test("an action with the same key is never under way twice", async () => {
  let calls = 0;
  const done = world({ machines: [machine("m1", "done")] });
  const run = set(done, { destroy: () => new Promise(() => void calls++) });
  const destroy: Action = { key: "destroy:local:m1", do: "destroy", backend: "local", machines: ["m1"] };
  run.act([destroy, destroy]);
  run.act([destroy]);
  await run.clock.advance(0);
  expect(calls).toBe(1);
});

describe("a mint", () => {
  const mint: Action = { key: "mint:m1:1", do: "mint", machine: "m1", pool: "a", life: 1, name: "m1" };
  const enrolled = world({ machines: [machine("m1", "enrolled")] });

  test("keeps its config out of facts and world", async () => {
    const run = set(enrolled, {}, { mint: async () => ({ runnerId: 3, jitConfig: "planted-secret" }) });
    run.act([mint]);
    await run.clock.advance(0);
    expect(run.acting.configs.get("m1")).toEqual({ life: 1, jitConfig: "planted-secret" });
    expect(JSON.stringify([run.facts, run.world()])).not.toContain("planted-secret");
  });

  test.each(["throttled", "unavailable"] as const)(
    "that failed as %s leaves its name to be removed",
    async (reason) => {
      const run = set(
        enrolled,
        {},
        { mint: () => Promise.reject(new Error("x")), classify: () => failure(reason) },
      );
      run.act([mint]);
      await run.clock.advance(0);
      expect(run.world().machines.m1?.registration?.name).toBe("m1");
    },
  );
});

test("retiring is remembered before GitHub is asked", async () => {
  let stage: string | undefined;
  const run = set(
    world({ machines: [registered("m1", "listening")] }),
    {},
    {
      remove: async () => {
        stage = run.world().machines.m1?.stage;
        return "gone";
      },
    },
  );
  run.act([{ key: "retire:m1", do: "retire", machine: "m1", pool: "a", runner: { id: 7, name: "m1" } }]);
  await run.clock.advance(0);
  expect([stage, run.order]).toEqual(["retiring", ["retire-asked", "runner-removed", "retire ok"]]);
});
