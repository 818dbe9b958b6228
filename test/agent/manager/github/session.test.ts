/** One pool's session against everything that GitHub is known to do (github.md sections 2 and 3). */
import { expect, test } from "vitest";
import { clock as virtual, eventually, pass, started } from "./harness.ts";
import { assigned, figures, message, refusal } from "./script.ts";

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

test("a message becomes a fact with figures and news, and is deleted afterwards", async () => {
  const { script, seen } = await started();
  const order: string[] = [];
  script.always("acknowledge", () => {
    order.push(seen().some(({ news }) => news.length > 0) ? "reported before" : "not reported");
    return "plain";
  });
  script.push(message(100_000_001, [assigned("j1")], figures({ totalAssignedJobs: 1 })));
  await eventually(() => expect(script.calls("acknowledge")).toHaveLength(1));
  expect(order).toEqual(["reported before"]);
  expect(seen().find(({ news }) => news.length > 0)).toMatchObject({
    pool: "a",
    statistics: { assigned: 1 },
    news: [
      {
        is: "assigned",
        id: "j1",
        name: "job j1",
        repository: "acme/widgets",
        workflowRun: 77,
        queuedMs: Date.parse("2027-01-15T08:00:00Z"),
        assignedMs: Date.parse("2027-01-15T08:00:01Z"),
        runner: null,
        result: null,
      },
    ],
  });
  expect(script.calls("acknowledge")[0]!.path).toBe("/queue/message/100000001");
});

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
  await eventually(() => expect(script.calls("poll").length).toBe(before + 2));
  expect(performance.now() - beganMs).toBeGreaterThan(200);
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

test("a message that comes again is deleted again but its news is told once, across sessions too", async () => {
  const { script, news } = await started((github) => {
    // The first deletion fails for good: GitHub keeps the message.
    for (let time = 0; time < 3; time += 1) github.next("acknowledge", { status: 500 });
    github.messages.push(message(5, [assigned("j1")]));
  });
  await eventually(() => expect(script.calls("acknowledge")).toHaveLength(3));
  script.next("poll", refusal(404, "RunnerScaleSetSessionNotFoundException"));
  script.push(message(6, []));
  await eventually(() => expect(script.calls("session.create")).toHaveLength(2));
  await eventually(() => expect(script.messages).toEqual([]));
  expect(news().map(({ id }) => id)).toEqual(["j1"]);
});

test.each([404, 410])("a deletion that is answered %i counts as done", async (status) => {
  const { script, lines } = await started((github) => github.always("acknowledge", { status }));
  script.push(message(1, []));
  await eventually(() => expect(script.calls("poll")).toHaveLength(2));
  script.push(message(2, []));
  await eventually(() => expect(script.calls("acknowledge")).toHaveLength(2));
  expect(lines.filter((line) => line.includes("not acknowledged"))).toEqual([]);
});

test("a deletion with an expired token refreshes the session and deletes", async () => {
  const { script } = await started((github) => github.next("acknowledge", refusal(401, "Expired")));
  script.push(message(1, []));
  await eventually(() => expect(script.messages).toEqual([]));
  expect(script.calls("session.refresh")).toHaveLength(1);
});

test.each([
  [
    "of an unknown type",
    { ...message(1, [assigned("bad")], figures({ totalAssignedJobs: 9 })), messageType: "Holidays" },
  ],
  ["whose body is no list", { ...message(1, [], figures({ totalAssignedJobs: 9 })), body: "{{" }],
])(
  "a message %s: three tries, then logged, reported and deleted; its figures count, the next ones are read",
  async (_name, poison) => {
    const { script, failed, news, lastStatistics, lines } = await started((github) => {
      github.messages.push(poison, message(2, [assigned("j2")], null));
    });
    await eventually(() => expect(news().map(({ id }) => id)).toEqual(["j2"]));
    expect(lastStatistics()?.assigned).toBe(9);
    expect(script.calls("poll").filter(({ query }) => query["lastMessageId"] === undefined)).toHaveLength(3);
    expect(failed().at(-1)!.failure.detail).toContain("message 1 of muster-test-a");
    expect(lines.filter((line) => line.includes("deleted unread"))).toHaveLength(1);
    await eventually(() => expect(script.messages).toEqual([]));
  },
);

test("an envelope that cannot be read but names its id is deleted as well", async () => {
  const { script, news } = await started((github) => {
    for (let time = 0; time < 3; time += 1) github.next("poll", { text: '{"messageId":1,"messageType":7}' });
    github.messages.push(message(2, [assigned("j2")]));
  });
  await eventually(() => expect(news()).toHaveLength(1));
  expect(script.calls("acknowledge").map(({ path }) => path)).toContain("/queue/message/1");
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
  const { script, github } = await started(undefined, { timings: { stopMs: 100 } });
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  script.always("session.delete", "hang");
  const beganMs = performance.now();
  await github.stop();
  // One attempt alone would take 2 s.
  expect(performance.now() - beganMs).toBeLessThan(1_800);
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

test("GitHub Enterprise Server: offered jobs are acquired with the queue token, as many as there is room for", async () => {
  const offers = [11, 12, 13].map((runnerRequestId) =>
    assigned(`j${runnerRequestId}`, { messageType: "JobAvailable", runnerRequestId }),
  );
  const { script, github, news } = await started();
  await eventually(() => expect(script.calls("poll")).toHaveLength(1));
  github.capacity("a", 3);
  script.push(message(1, offers, figures({ totalAvailableJobs: 3, totalAssignedJobs: 1 })));
  await eventually(() => expect(script.calls("acquire")).toHaveLength(1));
  expect(script.calls("acquire")[0]!.body).toEqual([11, 12]);
  expect(script.calls("acquire")[0]!.headers["authorization"]).toMatch(/^Bearer queuetoken/);
  expect(news().map(({ is }) => is)).toEqual(["queued", "queued", "queued"]);
  // Its poll is out: nothing more fitted.
  await eventually(() => expect(script.calls("poll").at(-1)!.query["lastMessageId"]).toBe("1"));
  expect(script.calls("acquire")).toHaveLength(1);
  github.capacity("a", 4);
  await eventually(() => expect(script.calls("acquire")).toHaveLength(2));
  expect(script.calls("acquire")[1]!.body).toEqual([13]);
});

test("offers that an earlier session left are asked for", async () => {
  const { script, github } = await started((server) => {
    server.statistics = figures({ totalAvailableJobs: 1 });
    server.always("acquirable", { json: { count: 1, value: [{ runnerRequestId: 21 }] } });
  });
  github.capacity("a", 1);
  await eventually(() => expect(script.calls("acquire").map(({ body }) => body)).toEqual([[21]]));
});

test("acquirejobs 404: this GitHub assigns by itself, nothing is asked again", async () => {
  const { script, github, failed } = await started((server) => server.always("acquire", { status: 404 }));
  github.capacity("a", 2);
  script.push(message(1, [assigned("j1", { messageType: "JobAvailable", runnerRequestId: 5 })]));
  await eventually(() => expect(script.calls("acquire")).toHaveLength(1));
  await eventually(() => expect(script.calls("poll").at(-1)!.query["lastMessageId"]).toBe("1"));
  expect(failed()).toEqual([]);
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
