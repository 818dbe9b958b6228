import fc from "fast-check";
import { expect, test } from "vitest";
import { readMessage } from "../../../../agent/manager/github/messages.ts";
import { assigned, figures, message } from "./script.ts";

const news = (entry: unknown) => readMessage(JSON.stringify(message(1, [entry])))!.news;

test.each([
  ["JobAvailable", "queued"],
  ["JobAssigned", "assigned"],
  ["JobStarted", "started"],
  ["JobCompleted", "completed"],
])("%s is told as %s", (messageType, is) => {
  expect(news(assigned("j1", { messageType, runnerName: "r1", result: "failed" }))).toMatchObject([
    { is, id: "j1", runner: "r1", result: "failed" },
  ]);
});

test("entries of unknown types, and what is no entry at all, are passed over", () => {
  const entries = [{ messageType: "JobMeditated", jobId: "x" }, 7, null, "text", assigned("j1")];
  expect(readMessage(JSON.stringify(message(1, entries)))!.news.map(({ id }) => id)).toEqual(["j1"]);
});

test("older servers number jobs, or name the request only", () => {
  expect(news(assigned("", { jobId: 42 }))[0]!.id).toBe("42");
  expect(news(assigned("", { jobId: undefined, runnerRequestId: 9 }))[0]!.id).toBe("request-9");
  expect(news(assigned("", { jobId: undefined }))).toEqual([]);
});

test("times that are not yet (year 1) or not readable are null", () => {
  const [item] = news(assigned("j", { queueTime: "0001-01-01T00:00:00Z", scaleSetAssignTime: "soon" }));
  expect([item!.queuedMs, item!.assignedMs]).toEqual([null, null]);
});

test("a job without a runner yet has none", () => {
  expect(
    news(assigned("j", { messageType: "JobCompleted", runnerName: "", result: "canceled" }))[0],
  ).toMatchObject({
    runner: null,
    result: "canceled",
  });
});

test("only offers with a request id can be acquired", () => {
  const offer = (runnerRequestId: number) =>
    assigned(`j${runnerRequestId}`, { messageType: "JobAvailable", runnerRequestId });
  expect(
    readMessage(JSON.stringify(message(1, [offer(0), offer(5), assigned("x", { runnerRequestId: 6 })])))!
      .offers,
  ).toEqual([5]);
});

test("figures that are missing or impossible are 0, and a message without figures says so", () => {
  const odd = { ...figures({ totalAssignedJobs: 3 }), totalRunningJobs: -4, totalIdleRunners: "many" };
  expect(readMessage(JSON.stringify(message(1, [], odd)))!.statistics).toMatchObject({
    assigned: 3,
    running: 0,
    idle: 0,
  });
  expect(readMessage(JSON.stringify(message(1, [], null)))!.statistics).toBeNull();
});

test("whatever text GitHub sends: bounded, one line, nothing invisible or reordering in it", () => {
  const hostile = fc.oneof(
    fc.string({ unit: "binary", maxLength: 2_000 }),
    fc.constantFrom(
      "\u202egnp.exe",
      "\u001b[31mred",
      "a\nb\r\nc",
      "\u0000",
      "\u2066x\u2069",
      "é".repeat(5_000),
    ),
  );
  fc.assert(
    fc.property(hostile, hostile, hostile, (name, repository, runner) => {
      const entry = assigned("j", {
        messageType: "JobStarted",
        jobDisplayName: name,
        repositoryName: repository,
        jobWorkflowRef: name,
        runnerName: runner,
        result: name,
      });
      const [item] = news(entry);
      for (const text of [
        item!.name,
        item!.repository,
        item!.workflowRef,
        item!.runner ?? "",
        item!.result ?? "",
      ]) {
        expect(text).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
        expect(text.length).toBeLessThan(6_000);
      }
    }),
    { numRuns: 100 },
  );
});

test("whatever GitHub sends as a message, reading it never throws", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json(),
        fc.jsonValue().map((body) => JSON.stringify(message(3, [], body))),
      ),
      (raw) => {
        const read = readMessage(raw);
        expect(read === null || Number.isInteger(read.id)).toBe(true);
      },
    ),
  );
});
