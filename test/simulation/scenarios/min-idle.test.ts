// Goal: machines that wait ahead of jobs wait enrolled and unregistered, and nothing about them changes (decisions.md 4.4).
import { describe, expect, test } from "vitest";
import { story } from "./story.ts";

const minute = 60_000;
const costly = [
  "launch-called",
  "machine-made",
  "destroy-called",
  "machine-gone",
  "mint-called",
  "remove-called",
];

/** Counts what nobody wants to see while nothing happens. */
function counting(run: ReturnType<typeof story>) {
  const seen: string[] = [];
  run.story.listen(({ is }) => void (costly.includes(is) && seen.push(is)));
  return { take: () => seen.splice(0) };
}
const ready = async (run: ReturnType<typeof story>, machines: number) => {
  const waits = () =>
    Object.values(run.world()?.machines ?? {}).filter(({ stage }) => stage === "enrolled").length ===
    machines;
  expect(await run.until(waits, 10 * minute)).toBe(true);
  await run.advance(minute);
};

describe.each([1, 3])("minIdle %i", (minIdle) => {
  test.each([false, true])(
    "no churn in an hour, then a job has one in seconds (reuse: %s)",
    async (reuse) => {
      await using run = story({ pools: { a: { minIdle, reuse, idleTimeoutSeconds: 60 } }, seed: minIdle });
      const count = counting(run);
      await ready(run, minIdle);
      const before = run.machines();
      count.take();
      await run.advance(60 * minute);
      expect([count.take(), run.machines(), run.github.records.size]).toEqual([[], before, 0]);

      run.queue("a", "job", 10_000);
      expect(await run.until(() => run.running("job"), 10_000), "it runs within seconds").toBe(true);
      expect(await run.until(() => run.open().length === 0, minute)).toBe(true);
      await ready(run, minIdle);
      const after = count.take().filter((what) => what === "machine-made" || what === "machine-gone");
      // Its place is taken by a new machine at once; one that is reused comes back, and the one too many goes when idle.
      expect(after.filter((what) => what === "machine-made").length).toBeLessThanOrEqual(1);
      await run.advance(5 * minute);
      count.take();
      await run.advance(30 * minute);
      expect([count.take(), run.machines().length]).toEqual([[], minIdle]);
    },
  );
});

test("a reused machine waits unregistered between jobs, and is the one that gets the next", async () => {
  await using run = story({ pools: { a: { reuse: true, idleTimeoutSeconds: 300 } } });
  await run.advance(4 * minute);
  const served = new Set<string>();
  for (const id of ["one", "two", "three"]) {
    run.queue("a", id, 5_000);
    expect(await run.until(() => run.open().length === 0, 2 * minute)).toBe(true);
    served.add(run.machines().join());
    await run.advance(2 * minute);
    expect(run.github.records.size).toBe(0);
  }
  expect([...served]).toEqual([run.machines().join()]);
  expect(await run.until(() => run.left() === 0, 10 * minute)).toBe(true);
});
