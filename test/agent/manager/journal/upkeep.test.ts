import { expect, test } from "vitest";
import type { Journal } from "../../../../agent/manager/journal.ts";
import { keepUp } from "../../../../agent/manager/journal/upkeep.ts";
import { defaultLimits as limits } from "../../../../agent/manager/limits.ts";
import { virtualClock } from "../../../simulation/clock.ts";
import { quietDeps } from "../web/fake-deps.ts";

type Step = ReturnType<Journal["reserve"]>;

function kept(step: () => Step, heartbeat: () => void = () => {}) {
  const clock = virtualClock(0);
  const deps = quietDeps(clock);
  const at = { beats: [] as number[], steps: [] as number[] };
  const journal = {
    heartbeat: (now: number) => (at.beats.push(now), heartbeat()),
    reserve: () => (at.steps.push(clock.now()), step()),
  };
  return { clock, at, lines: deps.lines, stop: keepUp(journal, limits, deps) };
}

test("the heart beats at once and every ten seconds, also after a beat that failed", async () => {
  const { clock, at, lines, stop } = kept(
    () => "done",
    () => {
      throw new Error("disk full");
    },
  );
  await clock.advance(30_000);
  expect(at.beats).toEqual([0, 10_000, 20_000, 30_000]);
  expect(lines).toHaveLength(4);
  stop();
  await clock.advance(60_000);
  expect(at.beats).toHaveLength(4);
});

test("room is taken after the start, a step at a time, and looked after once a minute", async () => {
  let left = 3;
  const { clock, at, stop } = kept(() => (left-- > 0 ? "more" : "done"));
  await clock.advance(125_400);
  expect(at.steps).toEqual([5_000, 5_100, 5_200, 5_300, 65_300, 125_300]);
  stop();
});

test("too little room is said once, until there was some", async () => {
  let step: Step = "later";
  const { clock, lines, stop } = kept(() => step);
  await clock.advance(5 * 60_000);
  expect(lines).toHaveLength(1);
  step = "done";
  await clock.advance(60_000);
  step = "later";
  await clock.advance(60_000);
  expect(lines).toHaveLength(2);
  stop();
});

test("a step that the disk refuses is tried again, and said once", async () => {
  const { clock, at, lines, stop } = kept(() => {
    throw new Error("I/O error");
  });
  await clock.advance(5 * 60_000);
  expect([at.steps.length, lines.length]).toEqual([5, 1]);
  stop();
});
