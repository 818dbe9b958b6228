import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { admits, probe, strictest, trip, tripped } from "../../../agent/manager/circuit.ts";
import { defaultLimits as limits } from "../../../agent/manager/limits.ts";
import type { Failure } from "../../../agent/manager/facts.ts";
import type { Circuit } from "../../../agent/manager/world.ts";
import { reasons } from "../../../agent/manager/world.ts";
import { now } from "./worlds.ts";

const failure = (over: Partial<Failure> = {}): Failure => ({
  reason: "no-capacity",
  scope: { on: "offer", key: "x" },
  detail: "full",
  retryAfterMs: null,
  ...over,
});

test("a first failure pauses by its reason's first step", () => {
  expect(trip(undefined, failure(), now, limits)).toMatchObject({
    is: "open",
    untilMs: now + 180_000,
    trips: 1,
  });
});

test("each failed probe doubles the pause, up to the reason's maximum", () => {
  fc.assert(
    fc.property(fc.constantFrom(...reasons), fc.integer({ min: 1, max: 60 }), (reason, times) => {
      let circuit: Circuit | undefined;
      let atMs = now;
      for (let n = 0; n < times; n++) {
        circuit = trip(circuit, failure({ reason }), atMs, limits);
        const pause = circuit.untilMs - atMs;
        expect(pause).toBe(
          Math.min(limits.circuitMsMax[reason], limits.circuitMs[reason] * 2 ** Math.min(n, 20)),
        );
        atMs = circuit.untilMs;
        circuit = probe(circuit, "l", atMs, limits);
      }
    }),
  );
});

test("what the other side asked for is a lower bound", () => {
  const throttled = failure({ reason: "throttled", retryAfterMs: 42_000 });
  expect(trip(undefined, throttled, now, limits).untilMs).toBe(now + 42_000);
});

test("failures of calls sent together are one trip", () => {
  const first = trip(undefined, failure(), now, limits);
  expect(trip(first, failure(), now + 10, limits)).toMatchObject({ trips: 1, untilMs: first.untilMs });
});

test("one failure of a call is counted once per scope, however many machines it was for", () => {
  const many = Array.from({ length: 5 }, () => failure());
  expect(tripped({}, many, now, limits)["offer:x"]).toMatchObject({ trips: 1 });
});

describe("admission", () => {
  const open: Circuit = { is: "open", untilMs: now, reason: "quota", detail: "", trips: 1 };
  test.each([
    [-1, "none"],
    [0, "one"],
  ] as const)("%i ms after the pause: %s", (afterMs, admission) => {
    expect(admits(open, now + afterMs)).toBe(admission);
  });
  test("nobody else passes while a probe is out", () => {
    expect(admits(probe(open, "l", now, limits), now + 1)).toBe("none");
  });
  test("a probe that nobody answered is forgotten after its time", () => {
    expect(admits(probe(open, "l", now, limits), now + limits.probeMs)).toBe("one");
  });
  test("the strictest of several counts", () => {
    expect([strictest([]), strictest(["all", "one"]), strictest(["one", "none", "all"])]).toEqual([
      "all",
      "one",
      "none",
    ]);
  });
});
