import fc from "fast-check";
import { expect, test } from "vitest";
import { makeRates } from "../../../../agent/manager/web/rates.ts";
import { fakeClock } from "./fake-deps.ts";

const minute = 60_000;

test("so many at once, then one for each share of the time, and the refusal says when", () => {
  const clock = fakeClock();
  const rates = makeRates({ count: 5, perMs: minute }, clock);
  expect([1, 2, 3, 4, 5].map(() => rates.take("a"))).toEqual([null, null, null, null, null]);
  expect(rates.take("a")).toBe(12);
  expect(rates.take("b"), "another has its own").toBeNull();
  clock.advance(11_999);
  expect(rates.take("a")).toBeCloseTo(0.001);
  clock.advance(1);
  expect([rates.take("a"), rates.take("a")]).toEqual([null, 12]);
});

test("a look says what a try would, and takes nothing", () => {
  const rates = makeRates({ count: 1, perMs: minute }, fakeClock());
  expect([rates.look("a"), rates.look("a"), rates.take("a")]).toEqual([null, null, null]);
  expect([rates.look("a"), rates.take("a")]).toEqual([60, 60]);
});

test("never more than twice the count in any minute, whatever the pattern", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 200 }), (pauses) => {
      const clock = fakeClock();
      const rates = makeRates({ count: 5, perMs: minute }, clock);
      const passed: number[] = [];
      for (const pause of pauses) {
        clock.advance(pause);
        if (rates.take("a") === null) passed.push(clock.now());
      }
      for (const from of passed)
        expect(passed.filter((at) => at >= from && at < from + minute).length).toBeLessThanOrEqual(10);
    }),
  );
});

test("a flood of keys is forgotten, the newest last", () => {
  const rates = makeRates({ count: 1, perMs: minute }, fakeClock());
  for (let key = 0; key < 25_000; key++) expect(rates.take(`key ${key}`)).toBeNull();
  expect(rates.take("key 24999")).not.toBeNull();
  expect(rates.take("key 0"), "known longest: begins anew").toBeNull();
});
