import { describe, expect, test } from "vitest";
import { makeBudget } from "../../../../../agent/manager/backends/aws/budget.ts";
import { virtualClock } from "../../../../simulation/clock.ts";

const { signal } = new AbortController();

describe("a budget of calls", () => {
  test("lets through as many as it holds, then as many as come anew", async () => {
    const clock = virtualClock();
    const budget = makeBudget({ most: 3, perSecond: 2 }, clock);
    let left = 0;
    for (let n = 0; n < 10; n++) void budget.take(false, signal).then(() => (left += 1));
    await clock.advance(0);
    expect(left).toBe(3);
    await clock.advance(1_010);
    expect(left).toBe(5);
    await clock.advance(60_000);
    expect(left).toBe(10);
  });

  test("never holds more than its most, however long nobody called", async () => {
    const clock = virtualClock();
    const budget = makeBudget({ most: 2, perSecond: 1 }, clock);
    await clock.advance(3_600_000);
    let left = 0;
    for (let n = 0; n < 5; n++) void budget.take(false, signal).then(() => (left += 1));
    await clock.advance(0);
    expect(left).toBe(2);
  });

  test("lets ends go before launches that waited longer", async () => {
    const clock = virtualClock();
    const budget = makeBudget({ most: 1, perSecond: 1 }, clock);
    const order: string[] = [];
    const take = (name: string, urgent: boolean) =>
      void budget.take(urgent, signal).then(() => order.push(name));
    take("first", false);
    take("launch", false);
    take("end", true);
    await clock.advance(10_000);
    expect(order).toEqual(["first", "end", "launch"]);
  });

  test("forgets who gives up", async () => {
    const clock = virtualClock();
    const budget = makeBudget({ most: 1, perSecond: 1 }, clock);
    await budget.take(false, signal);
    const impatient = new AbortController();
    const waiting = budget.take(false, impatient.signal);
    impatient.abort(new Error("enough"));
    await expect(waiting).rejects.toThrow("enough");
    await expect(budget.take(false, impatient.signal)).rejects.toThrow("enough");
    let left = false;
    void budget.take(false, signal).then(() => (left = true));
    await clock.advance(1_100);
    expect(left).toBe(true);
  });
});
