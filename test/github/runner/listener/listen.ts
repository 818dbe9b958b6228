/** From the session to the exit code (src/Runner.Listener/Runner.cs, RunAsync). */
import type { BrokerMessage, JobCancellation, RunnerJobRequest } from "../../wire.ts";
import { codes, toReturnCode, type TaskResult } from "../common/codes.ts";
import { terminalTime } from "../common/deps.ts";
import { InvalidClient, Refused } from "../common/refused.ts";
import { runnerVersion } from "../common/version.ts";
import type { Context, ListenerDeps } from "./context.ts";
import { acquire, startJob, type RunningJob } from "./job.ts";
import { acknowledge, nextMessage } from "./messages.ts";
import { closeSession, deprecatedCode, openSession } from "./session.ts";

/** Consecutive failures of the poll after which the runner ends with a retryable error. */
const pollFailuresMax = 10;
/** A record vanishes as soon as its job is reported: so long the worker gets to end after that. */
const graceMs = 10_000;

export interface Outcome {
  code: number;
  /** Whether the local configuration is to be deleted: the one job is done, or the record is gone. */
  forget: boolean;
}

/** Milliseconds of a .NET TimeSpan, `00:05:00` or `1.00:00:00`; five minutes when it is none. */
export function timeSpanMs(text: string): number {
  const match = /^(?:(\d+)\.)?(\d+):(\d+):(\d+)/.exec(text);
  if (!match) return 300_000;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}

/** 15 to 30 s, later 30 to 60 s as the real runner; the first three are short, where its HTTP layer retries. */
function pauseMs(failures: number, random: number): number {
  const [base, spread] =
    failures <= 3 ? [500 * failures, 500] : failures <= 5 ? [15_000, 15_000] : [30_000, 30_000];
  return base + spread * random;
}

class Listener {
  private readonly context: Context;
  private readonly deps: ListenerDeps;
  private sessionId = "";
  private job: RunningJob | null = null;
  private result: TaskResult | null = null;
  /** Successive jobs that were not to be had. */
  private skipped = 0;
  private failures = 0;
  private skipSessionDeletion = false;

  constructor(context: Context, deps: ListenerDeps) {
    this.context = context;
    this.deps = deps;
  }

  async run(): Promise<Outcome> {
    const { terminal } = this.context;
    const opened = await openSession(this.context, this.deps);
    if ("code" in opened) return { code: opened.code, forget: false };
    this.sessionId = opened.sessionId;
    terminal.line(`Current runner version: '${runnerVersion}'`);
    terminal.line(`${terminalTime(this.deps.now())}: Listening for Jobs`);
    try {
      return await this.loop();
    } finally {
      this.job?.cancel("RunnerShutdown", 0);
      await this.job?.done;
      if (!this.skipSessionDeletion) await closeSession(this.context, this.sessionId, this.deps);
    }
  }

  private async loop(): Promise<Outcome> {
    const { shutdown, config, jobResultCode } = this.context;
    const once = config.settings.Ephemeral || jobResultCode;
    while (!shutdown.aborted) {
      const message = await this.poll();
      if (message !== null && "code" in message) return message;
      if (message) await this.handle(message);
      if (this.result === null) continue;
      if (once) {
        const code = jobResultCode ? toReturnCode(this.result) : codes.success;
        return { code, forget: config.settings.Ephemeral };
      }
      this.job = this.result = null;
    }
    return { code: codes.success, forget: false };
  }

  /** The next message, null when there is none or the job ended meanwhile, or how the runner ends. */
  private async poll(): Promise<BrokerMessage | Outcome | null> {
    const { shutdown } = this.context;
    const ended = new AbortController();
    const job = this.job;
    void job?.done.then((result) => {
      this.result = result;
      ended.abort();
    });
    try {
      const signal = AbortSignal.any([shutdown, ended.signal]);
      const status = job ? "Busy" : "Online";
      const message = await nextMessage(this.context, this.sessionId, status, signal, this.deps);
      this.failures = 0;
      return message;
    } catch (error) {
      if (shutdown.aborted || ended.signal.aborted) return null;
      return this.failed(error);
    }
  }

  private async failed(error: unknown): Promise<Outcome | null> {
    const { terminal, diag, shutdown } = this.context;
    const why = (error as Error).message;
    diag.error(`Catch exception during get next message. ${String(error)}`);
    if (error instanceof InvalidClient || (error instanceof Refused && error.status === 404))
      return this.deleted();
    if (error instanceof Refused && error.status === 403) {
      terminal.error(`An error occurred: ${why}`);
      return { code: deprecatedCode(this.context), forget: false };
    }
    if (error instanceof Refused && error.status === 400) return this.reopen();
    if (error instanceof Refused && error.status === 401) {
      terminal.error("An error occurred: Get next message failed with non-retryable error.");
      return { code: codes.terminated, forget: false };
    }
    this.failures += 1;
    if (this.failures >= pollFailuresMax) {
      terminal.error(`An error occurred: ${why}`);
      return { code: codes.retryable, forget: false };
    }
    if (this.failures === 1) {
      const time = terminalTime(this.deps.now());
      terminal.error(`${time}: Runner connect error: ${why}. Retrying until reconnected.`);
    }
    const wantedMs = error instanceof Refused ? error.retryAfterMs : 0;
    const pause = Math.max(wantedMs, pauseMs(this.failures, this.deps.random()));
    const jobEnded = this.job?.done ?? new Promise<never>(() => undefined);
    const stop = new AbortController();
    const signal = AbortSignal.any([shutdown, stop.signal]);
    await Promise.race([this.deps.sleep(pause, signal).catch(() => undefined), jobEnded]);
    stop.abort();
    return null;
  }

  /** The record is gone: also the way in which a done job's runner may hear that it is over. */
  private async deleted(): Promise<Outcome | null> {
    this.skipSessionDeletion = true;
    if (this.job) {
      const patience = new AbortController();
      const late = this.deps.sleep(graceMs, patience.signal).then(
        () => null,
        () => null,
      );
      this.result = await Promise.race([this.job.done, late]);
      patience.abort();
      if (this.result !== null) return null;
    }
    this.context.terminal.error(
      "The runner no longer exists on the server. Cleaning up local configuration.",
    );
    return { code: codes.success, forget: true };
  }

  /** The session expired; the registration still stands. */
  private async reopen(): Promise<Outcome | null> {
    const opened = await openSession(this.context, this.deps);
    if ("code" in opened) return { code: opened.code, forget: false };
    this.sessionId = opened.sessionId;
    return null;
  }

  private async handle(message: BrokerMessage): Promise<void> {
    const { diag } = this.context;
    if (message.messageType === "JobCancellation") {
      const { jobId, timeout } = JSON.parse(message.body) as JobCancellation;
      if (this.job?.id === jobId) this.job.cancel("CancelRequest", timeSpanMs(timeout));
      return;
    }
    if (message.messageType !== "RunnerJobRequest") {
      diag.error(
        `Received a message with unsupported message type ${String((message as BrokerMessage).messageType)}.`,
      );
      return;
    }
    if (this.job) return diag.info(`Skip job request message '${message.messageId}'.`);
    await this.take(JSON.parse(message.body) as RunnerJobRequest);
  }

  private async take(request: RunnerJobRequest): Promise<void> {
    await acknowledge(this.context, this.sessionId, request.runner_request_id, this.deps);
    const message = await acquire(this.context, request, this.deps);
    if (message) {
      this.skipped = 0;
      this.job = startJob(this.context, message, request.run_service_url, this.deps);
      return;
    }
    // The same message may come again before the service has settled whose job it is.
    this.skipped += 1;
    const backoffMs = this.skipped === 1 ? 0 : Math.min(60_000, 1000 * 2 ** (this.skipped - 2));
    await this.deps.sleep(backoffMs, this.context.shutdown).catch(() => undefined);
  }
}

/** Runs until the one job is done, the record is gone, or the runner is told to stop. */
export const listen = (context: Context, deps: ListenerDeps): Promise<Outcome> =>
  new Listener(context, deps).run();
