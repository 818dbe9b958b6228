/** Messages from the queue: told, acknowledged, repeated, unreadable; jobs that are offered. */
import { expect, test } from "vitest";
import { eventually, started } from "./harness.ts";
import { assigned, figures, message, refusal } from "./script.ts";

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
