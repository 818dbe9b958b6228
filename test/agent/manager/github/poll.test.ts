/** The held poll: what it carries, when it is sent again, and answers that are none. */
import { expect, test } from "vitest";
import { clock as virtual, eventually, pass, started } from "./harness.ts";
import { assigned, figures, message } from "./script.ts";

test("the queue address keeps its query on poll and delete, and the cursor follows the last message", async () => {
  const { script } = await started();
  script.push(message(7, [assigned("j1")]));
  await eventually(() => expect(script.calls("poll").length).toBeGreaterThan(1));
  await eventually(() => expect(script.calls("acknowledge")).toHaveLength(1));
  const [first, second] = script.calls("poll");
  expect(first!.query["lastMessageId"]).toBeUndefined();
  expect(second!.query["lastMessageId"]).toBe("7");
  for (const { query } of [first!, second!, ...script.calls("acknowledge")]) expect(query["keep"]).toBe("me");
  expect(script.calls("acknowledge")[0]!.query["lastMessageId"]).toBeUndefined();
});

test("a poll carries the capacity that was told, 0 before", async () => {
  const { script, github } = await started();
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  github.capacity("a", 5);
  await eventually(() => expect(script.calls("poll")).toHaveLength(2));
  expect(script.calls("poll").map(({ headers }) => headers["x-scalesetmaxcapacity"])).toEqual(["0", "5"]);
});

test("a risen capacity sends the held poll again; a fallen one waits for the next", async () => {
  const { script, github } = await started();
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  github.capacity("a", 5);
  await eventually(() => expect(script.calls("poll")).toHaveLength(2));
  github.capacity("a", 2);
  script.push(message(1, []));
  await eventually(() => expect(script.calls("poll")).toHaveLength(3));
  expect(script.calls("poll").map(({ headers }) => headers["x-scalesetmaxcapacity"])).toEqual([
    "0",
    "5",
    "2",
  ]);
});

test("a poll that GitHub answered while it was given up loses nothing", async () => {
  const { script, github, news } = await started();
  for (let round = 1; round <= 20; round += 1) {
    github.capacity("a", round);
    script.push(message(round, [assigned(`j${round}`)]));
  }
  await eventually(() =>
    expect(news().map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, i) => `j${i + 1}`)),
  );
});

test("202 changes nothing but freshness: the last figures once more, without news", async () => {
  const { script, seen } = await started((github) => {
    github.statistics = figures({ totalAssignedJobs: 2 });
    github.next("poll", { status: 202 });
  });
  await eventually(() => expect(script.calls("poll")).toHaveLength(2));
  expect(seen().map(({ statistics, news }) => [statistics.assigned, news.length])).toEqual([
    [2, 0],
    [2, 0],
  ]);
});

test("an empty answer that was not held does not make it spin", async () => {
  const { script } = await started((github) => github.always("poll", { status: 202 }), {
    timings: { emptyPollMsMin: 200 },
  });
  await eventually(() => expect(script.calls("poll").length).toBeGreaterThan(2));
  const beganMs = performance.now();
  const before = script.calls("poll").length;
  await eventually(() => expect(script.calls("poll").length).toBeGreaterThanOrEqual(before + 2));
  expect(performance.now() - beganMs).toBeGreaterThan(200);
});

test.each([
  ["200 with an empty body", { status: 200, text: "" }],
  ["a connection that ends", "reset" as const],
  ["500", { status: 500, text: "<html>oops</html>" }],
  ["502 without words", { status: 502 }],
  ["an answer that is no JSON", { status: 200, text: "{" }],
])("one poll with %s is repeated without a word and loses nothing", async (_name, fault) => {
  const { failed, news, script } = await started((github) => {
    github.next("poll", fault);
    github.messages.push(message(1, [assigned("j1")]));
  });
  await eventually(() => expect(news().map(({ id }) => id)).toEqual(["j1"]));
  expect(failed()).toEqual([]);
  expect(script.calls("session.create")).toHaveLength(1);
});

test("5xx for a while is reported as unavailable, said once in the log, and over when it is over", async () => {
  const { script, failed, news, lines } = await started((github) => github.always("poll", { status: 503 }));
  await eventually(() => expect(failed().length).toBeGreaterThan(5));
  expect(new Set(failed().map(({ failure }) => failure.reason))).toEqual(new Set(["unavailable"]));
  expect(lines.filter((line) => line.includes("cannot be heard"))).toHaveLength(1);
  script.always("poll", "plain");
  script.push(message(1, [assigned("j1")]));
  await eventually(() => expect(news()).toHaveLength(1));
  expect(lines.filter((line) => line.includes("scale set: listening"))).toHaveLength(1);
});

test("429 is waited out as long as GitHub asks, and reported with that time", async () => {
  const clock = virtual();
  const made = await started(
    (github) => github.next("poll", { status: 429, headers: { "retry-after": "40" } }),
    { clock },
  );
  await pass(clock, made, () => made.failed().length === 1, 1_000);
  expect(made.failed()[0]!.failure).toMatchObject({ reason: "throttled", retryAfterMs: 40_000 });
  const beganMs = clock.now();
  await pass(clock, made, () => made.script.calls("poll").length === 2, 60_000);
  expect(clock.now() - beganMs).toBeGreaterThanOrEqual(39_000);
  expect(clock.now() - beganMs).toBeLessThan(42_000);
});

test("answers may begin with a byte order mark", async () => {
  const { news } = await started((github) => {
    github.next("sets.list", { text: `\uFEFF${JSON.stringify({ count: 0, value: [] })}` });
    github.next("poll", { text: `\uFEFF${JSON.stringify(message(1, [assigned("j1")]))}` });
  });
  await eventually(() => expect(news()).toHaveLength(1));
});

test("a poll that is never answered is given up and sent again", async () => {
  const { script, news } = await started((github) => github.next("poll", "hang"), {
    timings: { pollTimeoutMs: 50 },
  });
  script.push(message(1, [assigned("j1")]));
  await eventually(() => expect(news()).toHaveLength(1));
});
