// Goal: an idle runner that is being retired loses no job, whatever GitHub makes of the DELETE (decisions.md 4.5 and 14.2). Method:
// a job is delivered to the runner while the DELETE is on its way, 200 seeds for each of the three outcomes.
import { describe, expect, test } from "vitest";
import type { DeleteOutcome } from "../fakes/github.ts";
import type { FaultPlan } from "../faults.ts";
import { prng } from "../prng.ts";
import { story } from "./story.ts";

const minute = 60_000;
const runs = 200;
const sometimes = { probability: 0.3, stabilityMs: minute };

/** Every third run is quiet, the others have late messages or lost syncs too. */
const noise = (seed: number): FaultPlan =>
  [{}, { "message-late": sometimes }, { "sync-dropped": sometimes }][seed % 3] as FaultPlan;

/** Brings a runner to listen for nothing, and delivers a job to it while its DELETE is on the way. */
async function race(seed: number, outcome: DeleteOutcome) {
  const random = prng(seed).split("race");
  const pool = {
    idleTimeoutSeconds: random.pick([5, 20]),
    reuse: random.chance(0.5),
    minIdle: random.below(2),
  };
  await using run = story({
    ...{ seed, faults: noise(seed), deleteRace: outcome, consistent: true },
    pools: { a: pool },
  });
  const durationMs = random.ms(500, 2 * minute);
  run.queue("a", "cancelled", 1_000);
  expect(await run.until(() => run.registrations() === 1, 2 * minute), "registered").toBe(true);
  run.github.cancel("cancelled");
  let queuedMs = 0;
  run.github.beforeRemoval((name) => {
    if (queuedMs > 0 || !run.github.records.has(name)) return;
    queuedMs = run.clock.now();
    run.queue("a", "raced", durationMs);
    run.github.poll(name);
  });
  expect(await run.until(() => queuedMs > 0, 5 * minute), "retired").toBe(true);
  const done = await run.until(() => run.open().length === 0, 6 * minute);
  const job = run.github.jobs.get("raced")!;
  run.github.beforeRemoval(() => {});
  const rest = await run.until(
    () => run.machines().length === pool.minIdle && run.github.records.size === 0,
    5 * minute,
  );
  return { done, rest, races: run.github.races[outcome], result: job.result, starts: job.starts.length };
}

describe.each([
  ["refused", "GitHub refuses: the machine serves the job"],
  ["acquire-fails", "GitHub deletes and the acquisition fails: the job is offered again and runs elsewhere"],
  ["job-starts", "GitHub deletes and the job starts all the same: it is let finish"],
] as const)("%s: %s", (outcome, _meaning) => {
  test.each([0, 50, 100, 150])("seeds from %i", async (from) => {
    for (let seed = from + 1; seed <= from + runs / 4; seed++) {
      const seen = await race(seed, outcome);
      expect(seen, `seed ${seed}`).toEqual({
        done: true,
        rest: true,
        races: 1,
        result: "succeeded",
        starts: 1,
      });
    }
  });
});
