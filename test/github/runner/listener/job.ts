/** One job from acquirejob to its end (src/Runner.Listener/JobDispatcher.cs). */
import type { JobMessage, JobResult, RunnerJobRequest } from "../../wire.ts";
import { fromReturnCode, type TaskResult } from "../common/codes.ts";
import { terminalTime } from "../common/deps.ts";
import { call, isPassing, withRetries } from "../common/http.ts";
import { Refused } from "../common/refused.ts";
import type { Context, ListenerDeps } from "./context.ts";
import type { Worker } from "./worker-process.ts";

const renewEveryMs = 60_000;
/** GitHub gives a job that is not renewed for so long to nobody: it fails. */
const lockMs = 600_000;
/** What a worker gets to end by itself when the runner shuts down: less than the 30 s after which SIGTERM ends all. */
const shutdownTimeoutMs = 25_000;
const serviceUrl = (url: string, path: string) => new URL(path, url.replace(/\/?$/, "/")).href;

/** Null: the job is not to be had (404, 409, 422), or not now; the runner goes on listening. */
export async function acquire(
  context: Context,
  request: RunnerJobRequest,
  deps: ListenerDeps,
): Promise<JobMessage | null> {
  const json = {
    jobMessageId: request.runner_request_id,
    runnerOS: "Linux",
    billingOwnerId: request.billing_owner_id,
  };
  const url = serviceUrl(request.run_service_url, "acquirejob");
  const signal = context.shutdown;
  const ask = () => call(context.tokens, { method: "POST", url, json, timeoutMs: 30_000, signal }, deps);
  const pauseMs = (attempt: number) => 500 * 2 ** attempt;
  try {
    return (await withRetries(ask, { attempts: 5, pauseMs, signal }, deps)) as JobMessage;
  } catch (error) {
    if (error instanceof Refused && [404, 409, 422].includes(error.status)) {
      context.diag.info(`Skipping message Job. ${error.message}`);
    } else context.diag.error(`Caught exception from acquiring job message: ${String(error)}`);
    return null;
  }
}

export type CancelReason = "CancelRequest" | "RunnerShutdown";

export interface RunningJob {
  id: string;
  done: Promise<TaskResult>;
  /** Asks the worker to end the job; kills it after the timeout. */
  cancel(reason: CancelReason, timeoutMs: number): void;
}

interface Renewal {
  /** Resolves true once GitHub has confirmed, false when it never did. */
  first: Promise<boolean>;
  /** Resolves when the job is lost to this runner. */
  lost: Promise<void>;
}

function startRenewing(
  context: Context,
  message: JobMessage,
  url: string,
  stop: AbortSignal,
  deps: ListenerDeps,
): Renewal {
  const { planId, jobId } = message;
  const renew = () =>
    call(
      context.tokens,
      { method: "POST", url, json: { planId, jobId }, timeoutMs: 30_000, signal: stop },
      deps,
    );
  const first = withRetries(renew, { attempts: 5, pauseMs: (n) => 500 * 2 ** n, signal: stop }, deps).then(
    () => true,
    () => false,
  );
  const lost = new Promise<void>((resolve) => {
    const keep = async () => {
      let heldUntilMs = deps.now() + lockMs;
      while (
        await deps.sleep(renewEveryMs, stop).then(
          () => true,
          () => false,
        )
      ) {
        try {
          await renew();
          heldUntilMs = deps.now() + lockMs;
        } catch (error) {
          if (stop.aborted) return;
          context.diag.error(`Renewing job ${jobId} failed. ${String(error)}`);
          if (!isPassing(error) || deps.now() > heldUntilMs) return resolve();
        }
      }
    };
    void keep();
  });
  return { first, lost };
}

/** A worker that crashed cannot tell how its job ended. */
async function failJob(
  context: Context,
  message: JobMessage,
  url: string,
  deps: ListenerDeps,
): Promise<void> {
  const { planId, jobId } = message;
  const json: JobResult = { planId, jobId, conclusion: "failed", outputs: {}, stepResults: [] };
  const tell = () => call(context.tokens, { method: "POST", url, json, timeoutMs: 30_000 }, deps);
  await withRetries(tell, { attempts: 5, pauseMs: (n) => 500 * 2 ** n }, deps).catch((error: unknown) =>
    context.diag.error(`Could not report the crash of the worker. ${String(error)}`),
  );
}

/** Begins the job: the first renewal, then the worker. `done` never rejects. */
export function startJob(
  context: Context,
  message: JobMessage,
  runServiceUrl: string,
  deps: ListenerDeps,
): RunningJob {
  const { terminal, diag } = context;
  const stop = new AbortController();
  const cancelled = Promise.withResolvers<{ reason: CancelReason; timeoutMs: number }>();
  const name = message.jobDisplayName;
  const renewal = startRenewing(context, message, serviceUrl(runServiceUrl, "renewjob"), stop.signal, deps);

  /** Gives the worker the time that the cancellation allows. */
  async function end(worker: Worker, reason: CancelReason, timeoutMs: number): Promise<void> {
    diag.info(`Send job cancellation message to worker for job ${message.jobId}.`);
    worker.send({ type: reason });
    const patience = new AbortController();
    const late = deps.sleep(timeoutMs, patience.signal).then(
      () => worker.kill(),
      () => undefined,
    );
    await worker.ended;
    patience.abort();
    await late;
  }

  async function work(): Promise<TaskResult> {
    const before = await Promise.race([renewal.first, cancelled.promise.then(() => null)]);
    if (before === false) return "Abandoned";
    const worker = context.startWorker();
    diag.info(`Send job request message to worker for job ${message.jobId}.`);
    worker.send({ type: "NewJobRequest", message, runServiceUrl });
    const ending = await Promise.race([
      worker.ended.then(() => null),
      renewal.lost.then(() => "lost" as const),
      cancelled.promise,
    ]);
    if (ending === null) return finished(worker);
    if (ending === "lost") await end(worker, "CancelRequest", shutdownTimeoutMs);
    else await end(worker, ending.reason, ending.timeoutMs);
    return ending === "lost" ? "Abandoned" : "Canceled";
  }

  async function finished(worker: Worker): Promise<TaskResult> {
    const { code, output } = await worker.ended;
    const result = fromReturnCode(code);
    diag.info(`Worker finished for job ${message.jobId}. Code: ${code}`);
    if (result !== null) return result;
    diag.error(`Unhandled exception happened in worker: ${output}`);
    await failJob(context, message, serviceUrl(runServiceUrl, "completejob"), deps);
    return "Failed";
  }

  terminal.line(`${terminalTime(deps.now())}: Running job: ${name}`);
  const done = work()
    .catch((error: unknown): TaskResult => {
      diag.error(`Running job ${message.jobId} failed. ${String(error)}`);
      return "Failed";
    })
    .then((result) => {
      stop.abort();
      terminal.line(`${terminalTime(deps.now())}: Job ${name} completed with result: ${result}`);
      return result;
    });
  return {
    id: message.jobId,
    done,
    cancel: (reason, timeoutMs) =>
      cancelled.resolve({ reason, timeoutMs: reason === "RunnerShutdown" ? shutdownTimeoutMs : timeoutMs }),
  };
}
