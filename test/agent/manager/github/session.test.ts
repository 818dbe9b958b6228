/** A pool's set and session against everything that GitHub is known to do (github.md sections 2 and 3). */
import { expect, test } from "vitest";
import { clock as virtual, eventually, pass, started } from "./harness.ts";
import { figures, message, refusal } from "./script.ts";

test("a pool gets a scale set named by project, stack and pool, with its labels and without self-update", async () => {
  const { script } = await started();
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  expect(script.calls("sets.create").map(({ body }) => body)).toEqual([
    {
      name: "muster-test-a",
      runnerGroupId: 1,
      labels: [
        { name: "self-hosted", type: "System" },
        { name: "linux", type: "System" },
      ],
      RunnerSetting: { disableUpdate: true },
    },
  ]);
});

test("every scale set call keeps the service's path prefix and names its API version", async () => {
  const { script } = await started();
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  for (const { path, query } of [...script.calls("sets.create"), ...script.calls("session.create")]) {
    expect(path).toMatch(/^\/some\/prefix\/_apis\//);
    expect(query["api-version"]).toBe("6.0-preview");
  }
});

test("the first session's figures are demand at once", async () => {
  const { script, seen } = await started((github) => {
    github.statistics = figures({ totalAssignedJobs: 3, totalRunningJobs: 1 });
  });
  await eventually(() => expect(seen()).not.toHaveLength(0));
  expect(seen()[0]).toMatchObject({ pool: "a", statistics: { assigned: 3, running: 1 }, news: [] });
  expect(script.calls("acknowledge")).toHaveLength(0);
});

test("queue 401: the session is refreshed under its id and the poll sent again with the new token", async () => {
  const { script, failed, seen } = await started((github) => {
    github.next("poll", refusal(401, "MessageQueueTokenExpiredException"));
    github.next("session.refresh", () => {
      github.statistics = figures({ totalAssignedJobs: 4 });
      return "plain";
    });
  });
  await eventually(() => expect(script.calls("poll")).toHaveLength(2));
  const [before, after] = script.calls("poll").map(({ headers }) => headers["authorization"]);
  expect(after).not.toBe(before);
  expect(script.calls("session.create")).toHaveLength(1);
  expect(script.calls("session.refresh")[0]!.path).toMatch(/\/sessions\/session\d+$/);
  expect(failed()).toEqual([]);
  script.push(message(1, [], null));
  await eventually(() => expect(seen().at(-1)!.statistics.assigned).toBe(4));
});

test.each([
  [
    "404 on the poll (evicted)",
    () => [["poll", refusal(404, "RunnerScaleSetSessionNotFoundException")]] as const,
  ],
  [
    "404 on the refresh",
    () =>
      [
        ["poll", refusal(401, "MessageQueueTokenExpiredException")],
        ["session.refresh", refusal(404, "RunnerScaleSetSessionNotFoundException")],
      ] as const,
  ],
  [
    "400 expired on the refresh",
    () =>
      [
        ["poll", refusal(401, "MessageQueueTokenExpiredException")],
        ["session.refresh", refusal(400, "RunnerScaleSetSessionExpiredException")],
      ] as const,
  ],
  [
    "a token that is refused right after its refresh",
    () =>
      [
        ["poll", refusal(401, "MessageQueueTokenExpiredException")],
        ["poll", refusal(401, "MessageQueueTokenExpiredException")],
      ] as const,
  ],
])("%s: a new session, which reads from the beginning, without a word", async (_name, steps) => {
  const { script, failed } = await started((github) => {
    for (const [route, step] of steps()) github.next(route, step);
  });
  await eventually(() => expect(script.calls("session.create")).toHaveLength(2));
  await eventually(() =>
    expect(script.calls("poll").at(-1)!.headers["authorization"]).not.toBe(
      script.calls("poll")[0]!.headers["authorization"],
    ),
  );
  expect(script.calls("poll").at(-1)!.query["lastMessageId"]).toBeUndefined();
  expect(failed()).toEqual([]);
  expect(script.calls("sets.create")).toHaveLength(1);
});

test("a scale set that GitHub deleted is made again", async () => {
  const { script, failed } = await started();
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  script.sets.clear();
  script.next("poll", refusal(404, "RunnerScaleSetNotFoundException"));
  script.next("session.create", refusal(404, "RunnerScaleSetNotFoundException"));
  script.push(message(1, []));
  await eventually(() => expect(script.calls("sets.create")).toHaveLength(2));
  await eventually(() => expect(script.sets.size).toBe(1));
  expect(failed()).toEqual([]);
});

test("409 on the session for ten minutes: retried with growing pauses, reported, then served", async () => {
  const clock = virtual();
  const made = await started(
    (github) => github.always("session.create", refusal(409, "RunnerScaleSetSessionConflictException")),
    { clock, timings: { conflictFirstMs: 2_000, conflictMsMax: 30_000 } },
  );
  const { script, failed, seen } = made;
  const beganMs = clock.now();
  await pass(clock, made, () => clock.now() - beganMs >= 600_000, 700_000);
  expect(seen()).toEqual([]);
  expect(failed().length).toBeGreaterThan(10);
  expect(failed()[0]!.failure).toMatchObject({ reason: "unavailable", scope: { on: "github", key: "a" } });
  expect(failed()[0]!.failure.detail).toContain("RunnerScaleSetSessionConflictException");
  // 2, 4, 8, 16, then 30 s each: nothing faster, nothing slower.
  expect(script.calls("session.create").length).toBeGreaterThanOrEqual(20);
  expect(script.calls("session.create").length).toBeLessThanOrEqual(25);
  expect(script.calls("sets.delete")).toEqual([]);
  expect(made.lines.filter((line) => line.includes("cannot be heard"))).toHaveLength(1);
  script.always("session.create", "plain");
  await pass(clock, made, () => script.calls("poll").length === 1, 31_000);
  expect(seen()).toHaveLength(1);
});

test("a session without a queue address is ended and asked for again", async () => {
  const { script } = await started((github) => {
    github.next("session.create", { json: { ...github.session("nowhere", "1"), messageQueueUrl: "" } });
  });
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  expect(script.calls("session.delete").map(({ path }) => path.split("/").at(-1))).toEqual(["nowhere"]);
});

test("a session without statistics is not acted on", async () => {
  const { script, seen } = await started((github) => {
    github.next("session.create", { json: { ...github.session("blind", "1"), statistics: null } });
    github.statistics = figures({ totalAssignedJobs: 1 });
  });
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  expect(script.calls("session.create")).toHaveLength(2);
  expect(seen().map(({ statistics }) => statistics.assigned)).toEqual([1]);
});

test("a manager that comes back after a crash ends its own session first", async () => {
  const first = await started();
  await eventually(() => expect(first.script.calls("poll")).toHaveLength(1));
  const [open] = first.script.calls("poll");
  const left = open!.query["sessionId"];
  const second = await started(
    (github) =>
      github.sets.set(1, {
        id: 1,
        name: "muster-test-a",
        labels: ["self-hosted", "linux"],
        runnerGroupId: 1,
      }),
    { directory: first.directory, url: first.config.github.url },
  );
  await eventually(() => expect(first.script.calls("poll").length).toBeGreaterThan(1));
  expect(first.script.calls("session.delete").map(({ path }) => path.split("/").at(-1))).toContain(left);
  expect(first.script.calls("sets.create")).toHaveLength(1);
  expect(second.failed()).toEqual([]);
});

test("stopping ends the session at GitHub, and does not wait for one that does not answer", async () => {
  const { script, github } = await started(undefined, {
    timings: { stopMs: 100, callTimeoutMs: 30_000 },
  });
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  script.always("session.delete", "hang");
  const beganMs = performance.now();
  await github.stop();
  // One attempt alone would take 30 s.
  expect(performance.now() - beganMs).toBeLessThan(15_000);
  expect(script.calls("session.delete")).toHaveLength(1);
});

test("a failing pool does not delay another", async () => {
  const { script, seen, failed } = await started(
    (github) => {
      github.always("session.create", ({ path }) => (path.includes("/1/") ? "hang" : "plain"));
    },
    { pools: { a: {}, b: { labels: ["other"] } } },
  );
  await eventually(() => expect(seen().length + failed().length).toBeGreaterThan(0));
  await eventually(() => expect(script.calls("poll").length).toBeGreaterThan(0));
  expect(new Set(seen().map(({ pool }) => pool)).size).toBe(1);
});

test("new credentials are tried at once, not after the pause", async () => {
  const { script, failed, github } = await started(
    (server) => server.always("registration-token", { status: 401, json: { message: "Bad credentials" } }),
    { timings: { pauseFirstMs: 1_000_000, pauseMsMax: 1_000_000 } },
  );
  await eventually(() => expect(failed()).toHaveLength(1));
  expect(failed()[0]!.failure.reason).toBe("denied");
  script.always("registration-token", "plain");
  github.credentials({ githubToken: "ghp_another0token" });
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  expect(script.calls("registration-token").at(-1)!.headers["authorization"]).toBe(
    "Bearer ghp_another0token",
  );
});
