import { expect, test } from "vitest";
import { makePoints } from "../../../../../agent/manager/github/queued/points.ts";
import { clock as virtual, signal } from "../harness.ts";

const make = (over: { pointsPerMinute?: number; writeWaitMsMax?: number } = {}) => {
  const clock = virtual();
  return { clock, points: makePoints({ pointsPerMinute: 50, writeWaitMsMax: 120_000, ...over }, { clock }) };
};

test("writes leave at once while the minute has room, then as earlier ones grow a minute old, in order", async () => {
  const { clock, points } = make();
  const left: [number, number][] = [];
  const startMs = clock.now();
  const all = Array.from({ length: 25 }, (_, index) =>
    points.write("w", signal()).then(() => left.push([index, (clock.now() - startMs) / 1_000])),
  );
  await clock.advance(180_000);
  await Promise.all(all);
  expect(left.map(([index]) => index)).toEqual(left.map((_, index) => index));
  expect(left.map(([, second]) => second)).toEqual([
    ...Array<number>(10).fill(0),
    ...Array<number>(10).fill(60),
    ...Array<number>(5).fill(120),
  ]);
});

test("no minute ever holds more than it may, however writes come", async () => {
  const { clock, points } = make();
  const sent: number[] = [];
  for (let round = 0; round < 40; round += 1) {
    for (let count = round % 4; count > 0; count -= 1)
      void points.write("w", signal()).then(
        () => sent.push(clock.now()),
        () => {},
      );
    await clock.advance(5_000);
  }
  await clock.advance(200_000);
  for (const ms of sent)
    expect(sent.filter((other) => other > ms - 60_000 && other <= ms).length).toBeLessThanOrEqual(10);
  expect(sent.length).toBeGreaterThan(30);
});

test("reads take their part of the minute from writes", async () => {
  const { clock, points } = make({ writeWaitMsMax: 0 });
  for (let count = 0; count < 25; count += 1) points.read();
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => points.write("w", signal())));
  expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(5);
  await clock.advance(60_000);
  await points.write("w", signal());
});

test("what would wait too long is refused as throttled with the time, and takes no place", async () => {
  const { clock, points } = make({ writeWaitMsMax: 20_000 });
  await Promise.all(Array.from({ length: 10 }, () => points.write("w", signal())));
  await clock.advance(30_000);
  await expect(points.write("registering runner x", signal())).rejects.toMatchObject({
    reason: "throttled",
    retryAfterMs: 30_000,
  });
  await clock.advance(30_000);
  await points.write("w", signal());
});

test("an aborted wait frees its place", async () => {
  const { clock, points } = make();
  await Promise.all(Array.from({ length: 10 }, () => points.write("w", signal())));
  const controller = new AbortController();
  const given = points.write("w", controller.signal);
  controller.abort(new Error("enough"));
  await expect(given).rejects.toThrow("enough");
  let count = 0;
  const ten = Array.from({ length: 10 }, () => points.write("w", signal()).then(() => (count += 1)));
  await clock.advance(60_000);
  await Promise.all(ten);
  expect(count).toBe(10);
});
