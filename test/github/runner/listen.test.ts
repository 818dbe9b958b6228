import { expect, onTestFinished, test } from "vitest";
import { codes } from "./common/codes.ts";
import { readConfig, writeJitConfig } from "./common/config.ts";
import type { Deps } from "./common/deps.ts";
import { createTokens } from "./common/oauth.ts";
import { answers, FakeBroker, jobMessage, until } from "./fake-broker.ts";
import type { Context } from "./listener/context.ts";
import { listen, timeSpanMs } from "./listener/listen.ts";
import type { ToWorker, Worker } from "./listener/worker-process.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A worker that only remembers, and ends when told. */
class FakeWorker implements Worker {
  readonly sent: ToWorker[] = [];
  killed = false;
  private readonly end = Promise.withResolvers<{ code: number | null; output: string }>();
  readonly ended = this.end.promise;
  send(message: ToWorker): void {
    this.sent.push(message);
  }
  kill(): void {
    this.killed = true;
    this.finish(null);
  }
  finish(code: number | null): void {
    this.end.resolve({ code, output: "" });
  }
}

interface Setup {
  broker: FakeBroker;
  context: Context;
  deps: Deps;
  lines: string[];
  workers: FakeWorker[];
  /** Every pause that was asked for, in ms. */
  pauses: number[];
  shutdown: AbortController;
}

/** Pauses below `heldMs` pass at once and time with them; longer ones last until the end of the test. */
async function setup(heldMs = 50_000): Promise<Setup> {
  const broker = await new FakeBroker().start();
  const directory = mkdtempSync(join(tmpdir(), "muster-listen-test-"));
  const shutdown = new AbortController();
  onTestFinished(async () => {
    shutdown.abort();
    rmSync(directory, { recursive: true, force: true });
    await broker.close();
  });
  writeJitConfig(directory, broker.jitConfig());
  const config = readConfig(directory)!;
  const lines: string[] = [];
  const pauses: number[] = [];
  const workers: FakeWorker[] = [];
  let now = Date.now();
  const deps: Deps = {
    fetch,
    now: () => now,
    random: () => 0,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      pauses.push(ms);
      if (ms < heldMs) {
        now += ms;
        return new Promise((resolve) => setImmediate(resolve));
      }
      return new Promise((_resolve, reject) =>
        signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true }),
      );
    },
  };
  const context: Context = {
    config,
    tokens: createTokens(config.credentials, config.rsa, deps),
    terminal: { line: (text) => lines.push(text), error: (text) => lines.push(text) },
    diag: { info: () => undefined, error: () => undefined },
    startWorker: () => {
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    },
    shutdown: shutdown.signal,
    deprecatedCode: true,
    jobResultCode: false,
  };
  return { broker, context, deps, lines, workers, pauses, shutdown };
}

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);

test("an open session of the same runner is tried again every 30 s for 4 minutes, then the code is 5", async () => {
  const { broker, context, deps, lines, pauses } = await setup();
  broker.bend("/broker/session", ...times(8, answers.conflict));
  expect(await listen(context, deps)).toEqual({ code: codes.sessionConflict, forget: false });
  expect(pauses).toEqual(times(7, 30_000));
  expect(lines).toContain("A session for this runner already exists.");
  expect(lines).toContain("Stop retry on SessionConflictException after retried for 240 seconds.");
});

test("a conflict that passes costs only the pause", async () => {
  const { broker, context, deps, workers } = await setup();
  broker.bend("/broker/session", answers.conflict);
  broker.offer(jobMessage());
  const outcome = listen(context, deps);
  await until("the worker", () => workers.length === 1);
  workers[0]!.finish(100);
  expect(await outcome).toEqual({ code: 0, forget: true });
});

test("a broker that is down at the start is tried until it is back, and says so once", async () => {
  const { broker, context, deps, lines, workers } = await setup();
  broker.bend("/broker/session", ...times(5, { status: 503 }));
  broker.offer(jobMessage());
  const outcome = listen(context, deps);
  await until("the worker", () => workers.length === 1);
  workers[0]!.finish(100);
  await outcome;
  expect(lines.filter((line) => line.includes("Runner connect error"))).toHaveLength(1);
  expect(lines.some((line) => line.endsWith("Runner reconnected."))).toBe(true);
});

test("a record that is gone when the session is opened ends it with 1", async () => {
  const { broker, context, deps, lines } = await setup();
  broker.bend("/broker/session", answers.notFound);
  expect(await listen(context, deps)).toEqual({ code: codes.terminated, forget: false });
  expect(lines).toContain("The runner no longer exists on the server. Please reconfigure the runner.");
});

test("a version that is refused at the session ends it with 7", async () => {
  const { broker, context, deps } = await setup();
  broker.bend("/broker/session", answers.tooOld);
  expect((await listen(context, deps)).code).toBe(codes.versionDeprecated);
});

test("polls that fail are repeated, and the job that comes afterwards is run", async () => {
  const { broker, context, deps, lines, workers } = await setup();
  broker.bend(
    "/broker/message",
    { status: 500 },
    { status: 429, headers: { "retry-after": "7" } },
    { status: 502 },
  );
  broker.offer(jobMessage());
  const outcome = listen(context, deps);
  await until("the worker", () => workers.length === 1);
  workers[0]!.finish(100);
  expect(await outcome).toEqual({ code: 0, forget: true });
  expect(lines.filter((line) => line.includes("Retrying until reconnected."))).toHaveLength(1);
});

test("retry-after of a refused poll is kept to", async () => {
  const { broker, context, deps, pauses, shutdown } = await setup();
  broker.bend("/broker/message", { status: 429, headers: { "retry-after": "7" } });
  const outcome = listen(context, deps);
  await until("the next poll", () => broker.count("GET", "/broker/message") === 2);
  expect(pauses).toEqual([7_000]);
  shutdown.abort();
  expect((await outcome).code).toBe(0);
});

test("ten polls that fail in a row end it with the retryable code", async () => {
  const { broker, context, deps } = await setup();
  broker.bend("/broker/message", ...times(10, { status: 500 }));
  expect(await listen(context, deps)).toEqual({ code: codes.retryable, forget: false });
});

test("an expired access token is replaced without a word", async () => {
  const { broker, context, deps, lines, workers } = await setup();
  broker.bend("/broker/message", { status: 401 });
  broker.offer(jobMessage());
  const outcome = listen(context, deps);
  await until("the worker", () => workers.length === 1);
  workers[0]!.finish(100);
  await outcome;
  expect(broker.count("POST", "/token")).toBe(2);
  expect(lines.join("\n")).not.toContain("error");
});

test("an expired session is opened anew", async () => {
  const { broker, context, deps, workers } = await setup();
  broker.bend("/broker/message", { status: 400, body: { errorKind: "SessionNotFound" } });
  broker.offer(jobMessage());
  const outcome = listen(context, deps);
  await until("the worker", () => workers.length === 1);
  workers[0]!.finish(100);
  await outcome;
  expect(broker.count("POST", "/broker/session")).toBe(2);
});

test.for([404, 409, 422])(
  "a job whose acquisition answers %i is skipped, and the next one is taken",
  async (status) => {
    const { broker, context, deps, lines, workers } = await setup();
    broker.bend("/run/acquirejob", { status });
    broker.offer(jobMessage({ jobDisplayName: "lost" }));
    broker.offer(jobMessage({ jobDisplayName: "next" }));
    const outcome = listen(context, deps);
    await until("the worker", () => workers.length === 1);
    workers[0]!.finish(102);
    expect(await outcome).toEqual({ code: 0, forget: true });
    expect(lines.filter((line) => line.includes("Running job"))).toEqual([
      expect.stringContaining("Running job: next"),
    ]);
    expect(lines.at(-1)).toContain("Job next completed with result: Failed");
  },
);

test("an acquisition whose answer is lost is repeated", async () => {
  const { broker, context, deps, workers } = await setup();
  broker.bend("/run/acquirejob", { status: 500 }, { status: 502 });
  broker.offer(jobMessage());
  const outcome = listen(context, deps);
  await until("the worker", () => workers.length === 1);
  workers[0]!.finish(100);
  await outcome;
  expect(broker.count("POST", "/run/acquirejob")).toBe(3);
});

test("the job is acknowledged, acquired, renewed once before the worker starts, and polls say Busy", async () => {
  const { broker, context, deps, workers } = await setup();
  const job = jobMessage();
  broker.offer(job);
  const outcome = listen(context, deps);
  await until("the busy poll", () => broker.seen.some(({ query }) => query.get("status") === "Busy"));
  await until("the worker", () => workers.length === 1);
  expect(workers[0]!.sent).toEqual([
    { type: "NewJobRequest", message: job, runServiceUrl: `${broker.url}run/` },
  ]);
  const order = broker.seen.map(({ path }) => path).filter((path) => path !== "/broker/message");
  expect(order).toEqual([
    "/token",
    "/broker/session",
    "/broker/acknowledge",
    "/run/acquirejob",
    "/run/renewjob",
  ]);
  workers[0]!.finish(100);
  await outcome;
});

test("a job that GitHub no longer knows is abandoned", async () => {
  const { broker, context, deps, lines, workers } = await setup(70_000);
  broker.bend("/run/renewjob", { status: 200, body: {} }, { status: 404 });
  broker.offer(jobMessage());
  const outcome = listen(context, deps);
  await until("the cancellation", () => workers[0]?.sent.at(-1)?.type === "CancelRequest");
  workers[0]!.finish(103);
  await outcome;
  expect(lines.at(-1)).toContain("completed with result: Abandoned");
});

test("a cancellation reaches the worker; one that does not end in time is killed", async () => {
  const { broker, context, deps, lines, workers } = await setup();
  const job = jobMessage();
  broker.offer(job);
  const outcome = listen(context, deps);
  await until("the worker", () => workers.length === 1);
  broker.cancel("another job");
  broker.cancel(job.jobId, "00:00:30");
  await outcome;
  expect(workers[0]!.sent.map(({ type }) => type)).toEqual(["NewJobRequest", "CancelRequest"]);
  expect(workers[0]!.killed).toBe(true);
  expect(lines.at(-1)).toContain("completed with result: Canceled");
});

test("a record that vanishes because its job was reported ends it like any done job", async () => {
  const { broker, context, deps, lines, workers } = await setup(5_000);
  broker.offer(jobMessage());
  const outcome = listen(context, deps);
  await until("the worker", () => workers.length === 1);
  broker.bend("/broker/message", answers.notFound);
  await until("the poll", () => broker.count("GET", "/broker/message") === 2);
  workers[0]!.finish(100);
  expect(await outcome).toEqual({ code: 0, forget: true });
  expect(lines.at(-1)).toContain("completed with result: Succeeded");
});

test("a TimeSpan of .NET is read", () => {
  expect(timeSpanMs("00:05:00")).toBe(300_000);
  expect(timeSpanMs("1.02:00:01")).toBe(26 * 3_600_000 + 1_000);
  expect(timeSpanMs("soon")).toBe(300_000);
});
