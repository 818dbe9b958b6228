// Single stories, written by hand: what the swarm finds by chance is told here once, so that it stays found.
import { describe, expect, test } from "vitest";
import { story } from "./story.ts";

const minute = 60_000;
/** A new journal could be a lost one: launches begin after three minutes. */
const begun = 4 * minute;

describe("without faults", () => {
  test("a queued job has a launch asked within a second, and a machine of its own", async () => {
    await using run = story({ pools: { a: {} } });
    await run.advance(begun);
    run.queue("a", "one", 10_000);
    expect(await run.until(() => run.machines().length === 1, 1_000)).toBe(true);
    expect(await run.until(() => run.open().length === 0, 5 * minute)).toBe(true);
    expect(await run.until(() => run.left() === 0, minute)).toBe(true);
    expect(run.registrations()).toBe(1);
  });

  test("an idle runner deregisters and ends; a new job gets a new one by itself", async () => {
    await using run = story({ pools: { a: { idleTimeoutSeconds: 30 } } });
    await run.advance(begun);
    run.queue("a", "cancelled", 10_000);
    await run.until(() => run.registrations() === 1, minute);
    run.github.cancel("cancelled");
    expect(await run.until(() => run.left() === 0, 5 * minute)).toBe(true);
    run.queue("a", "next", 1_000);
    expect(await run.until(() => run.open().length === 0, 5 * minute)).toBe(true);
  });
});

describe("one thing goes wrong", () => {
  test("GitHub down for an hour: no launch, finished machines go, and all jobs run at its return", async () => {
    await using run = story({ pools: { a: {} } });
    await run.advance(begun);
    for (let n = 0; n < 3; n++) run.queue("a", `early-${n}`, 30_000);
    await run.advance(20_000);
    run.faults.force("github-down", true);
    await run.advance(minute);
    for (let n = 0; n < 3; n++) run.queue("a", `late-${n}`, 30_000);
    const before = run.machines();
    await run.advance(60 * minute);
    expect(run.machines().filter((id) => !before.includes(id))).toEqual([]);
    run.faults.force("github-down", null);
    expect(await run.until(() => run.open().length === 0, 30 * minute)).toBe(true);
  });

  test("a manager killed in mid-job: the job finishes, and no second machine is started for it", async () => {
    await using run = story({ pools: { a: {} } });
    await run.advance(begun);
    run.queue("a", "long", 5 * minute);
    await run.until(() => run.running("long"), 2 * minute);
    const machines = run.machines();
    run.crash();
    await run.advance(3 * minute);
    expect(run.machines()).toEqual(machines);
    expect(await run.until(() => run.open().length === 0, 10 * minute)).toBe(true);
    expect(run.registrations()).toBe(1);
  });

  test.each(["journal-lost", "journal-old"] as const)(
    "%s: what runs may finish, is never registered again, and is cleared away",
    async (kind) => {
      const plan = { [kind]: { probability: 1, stabilityMs: minute } };
      await using run = story({ pools: { a: { reuse: true, minIdle: 1 } }, faults: plan });
      run.faults.force(kind, false);
      await run.advance(10 * minute);
      run.queue("a", "long", 10 * minute);
      await run.until(() => run.running("long"), 2 * minute);
      const minted = run.registrations();
      const old = run.machines();
      run.faults.force(kind, true);
      while (!/is gone|is put back/.test(run.story.lines().join())) {
        run.crash();
        await run.until(() => run.manager() !== null, 20 * minute);
      }
      run.faults.force(kind, false);
      expect(await run.until(() => run.open().length === 0, 20 * minute)).toBe(true);
      await run.advance(20 * minute);
      expect(run.machines().filter((id) => old.includes(id))).toEqual([]);
      expect(run.registrations()).toBe(minted);
    },
  );

  test("GitHub removes idle registrations, twice in a row: the pool's recipe is paused and people are told", async () => {
    await using run = story({ pools: { a: { idleTimeoutSeconds: 900 } } });
    await run.advance(begun);
    run.faults.force("registration-removed", true);
    for (const name of ["one", "two"]) {
      run.queue("a", name, 1_000);
      const before = run.registrations();
      expect(await run.until(() => run.registrations() > before, 2 * minute)).toBe(true);
      run.github.cancel(name);
      expect(await run.until(() => run.left() === 0, 10 * minute)).toBe(true);
    }
    run.faults.force("registration-removed", null);
    run.queue("a", "three", 1_000);
    await run.advance(minute);
    expect(run.world()!.circuits["recipe:a/alpha"]).toMatchObject({ reason: "registration-removed" });
    expect(run.manager()!.loop.lastPlan()!.refusals["a"]).toMatchObject([{ reason: "registration-removed" }]);
    expect(await run.until(() => run.open().length === 0, 30 * minute)).toBe(true);
  });
});
