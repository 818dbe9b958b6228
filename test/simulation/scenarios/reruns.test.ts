// Goal: a job whose machine the cloud took away is run again once, whatever happens meanwhile. Method: stories of one cloud, in
// which the test takes machines away and lets the manager die between any two steps.
import { expect, test } from "vitest";
import { isOpenLoss } from "../../../agent/manager/losses.ts";
import { story, type StoryOptions } from "./story.ts";

const minute = 60_000;

async function withJob(options: Partial<StoryOptions> = {}) {
  const run = story({ pools: { a: { max: 2 } }, names: "own", ...options });
  run.queue("a", "build", 5 * minute);
  await expectUntil(run, () => run.running("build"));
  return run;
}
type Run = Awaited<ReturnType<typeof withJob>>;

const expectUntil = async (run: Pick<Run, "until" | "github">, holds: () => boolean, ms = 30 * minute) =>
  expect(await run.until(holds, ms), JSON.stringify([...run.github.jobs.values()])).toBe(true);
/** The machine that runs a job vanishes. */
const takeAway = (run: Run, id: string) => run.clouds[0]!.dies(run.github.jobs.get(id)!.runner!);
const results = ({ github }: Run) =>
  Object.fromEntries([...github.jobs.values()].map(({ id, result }) => [id, result]));
const losses = (run: Run) => Object.values(run.world()?.losses ?? {});
const settled = (run: Run) =>
  losses(run).length > 0 && !losses(run).some(isOpenLoss) && run.open().length === 0;

test("a lost job is run again once GitHub calls it failed, on a new machine", async () => {
  await using run = await withJob();
  takeAway(run, "build");
  await expectUntil(run, () => settled(run));
  expect(results(run)).toEqual({ build: "failed", "build~2": "succeeded" });
  expect(losses(run)).toMatchObject([{ name: "build", reason: "rerun-made", repository: "acme/widgets" }]);
});

test("what is lost again in its re-run is not run a third time", async () => {
  await using run = await withJob();
  takeAway(run, "build");
  await expectUntil(run, () => run.running("build~2"));
  takeAway(run, "build~2");
  await expectUntil(run, () => settled(run));
  await run.advance(30 * minute);
  expect(results(run)).toEqual({ build: "failed", "build~2": "failed" });
  expect(losses(run).map(({ reason, detail }) => `${reason} ${detail}`)).toEqual([
    "rerun-made it was run again",
    expect.stringMatching(/^rerun-left it was lost again/),
  ]);
});

test("two jobs of a run are lost: both run again when the third has ended", async () => {
  await using run = story({ pools: { a: { max: 3 } }, names: "own" });
  for (const id of ["one", "two"]) run.github.queue({ pool: "a", id, durationMs: 20 * minute, run: 7 });
  run.github.queue({ pool: "a", id: "three", durationMs: 14 * minute, run: 7 });
  await expectUntil(run, () => ["one", "two", "three"].every(run.running));
  takeAway(run, "one");
  await run.advance(minute);
  takeAway(run, "two");
  await run.advance(12 * minute);
  expect(losses(run).map(({ reason }) => reason)).toEqual(["rerun-waits", "rerun-waits"]);
  await expectUntil(run, () => settled(run), 60 * minute);
  expect(results(run)).toEqual({
    ...{ one: "failed", two: "failed", three: "succeeded" },
    ...{ "one~2": "succeeded", "two~2": "succeeded" },
  });
});

test("a pool that says never leaves a lost job failed", async () => {
  await using run = await withJob({ pools: { a: { max: 2, rerun: "never" } } });
  takeAway(run, "build");
  await expectUntil(run, () => run.github.jobs.get("build")!.state === "completed");
  await run.advance(30 * minute);
  expect(results(run)).toEqual({ build: "failed" });
});

test("a machine that nobody's cloud calls taken away loses its job for good, whatever its agent did", async () => {
  await using run = await withJob({ names: "request" });
  takeAway(run, "build");
  await expectUntil(run, () => run.github.jobs.get("build")!.state === "completed");
  await run.advance(30 * minute);
  expect(results(run)).toEqual({ build: "failed" });
  expect(losses(run)).toEqual([]);
});

test("an answer that is lost is neither a second re-run nor none", async () => {
  await using run = await withJob();
  run.faults.force("rerun-answer-lost", true);
  takeAway(run, "build");
  await expectUntil(run, () => settled(run));
  await run.advance(30 * minute);
  expect(results(run)).toEqual({ build: "failed", "build~2": "succeeded" });
  expect(losses(run)).toMatchObject([{ reason: "rerun-made" }]);
});

// Between the loss and its re-run lie: the list that tells, GitHub's message, the look, the word in the journal, the call.
test.each([0, 1, 2, 3, 4, 5, 6, 7])(
  "a manager that dies again and again on the way makes one re-run (%i)",
  async (seed) => {
    await using run = await withJob({
      seed: seed + 1,
      faults: { crash: { probability: 1, stabilityMs: minute } },
    });
    run.faults.force("crash", true);
    if (seed % 2 === 1) run.faults.force("rerun-answer-lost", true);
    takeAway(run, "build");
    await expectUntil(run, () => run.github.jobs.has("build~2"), 180 * minute);
    await run.advance(20 * minute);
    run.faults.force("crash", false);
    await expectUntil(run, () => run.world() !== null && settled(run), 60 * minute);
    expect(Object.keys(results(run))).toEqual(["build", "build~2"]);
  },
);

test("a manager that dies while GitHub begins the run again finds it begun", async () => {
  await using run = await withJob();
  let deaths = 0;
  run.story.listen(({ is }) => {
    if (is === "rerun" && deaths++ === 0) run.clock.after(0, run.crash);
  });
  takeAway(run, "build");
  await expectUntil(run, () => deaths > 0 && run.world() !== null && settled(run), 60 * minute);
  await run.advance(30 * minute);
  expect(results(run)).toEqual({ build: "failed", "build~2": "succeeded" });
  expect(losses(run)).toMatchObject([{ reason: "rerun-made" }]);
});
