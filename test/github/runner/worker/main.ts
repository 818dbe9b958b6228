/** bin/Runner.Worker: `spawnclient FD`, started by the listener; runs one job and tells GitHub how it ended. */
import { Socket } from "node:net";
import { dirname, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Conclusion, JobResult } from "../../wire.ts";
import { toReturnCode, type TaskResult } from "../common/codes.ts";
import { readConfig } from "../common/config.ts";
import { realDeps } from "../common/deps.ts";
import { openDiag } from "../common/diag.ts";
import { call, withRetries } from "../common/http.ts";
import { createTokens } from "../common/oauth.ts";
import { nameProcess } from "../common/process-name.ts";
import { Refused } from "../common/refused.ts";
import type { ToWorker } from "../listener/worker-process.ts";
import { runJob } from "./job.ts";
import { createLog } from "./log.ts";
import { createMasker } from "./mask.ts";

const results: Record<Conclusion, TaskResult> = {
  succeeded: "Succeeded",
  failed: "Failed",
  canceled: "Canceled",
  skipped: "Skipped",
};

type Order = Extract<ToWorker, { type: "NewJobRequest" }>;

interface Channel {
  order: Promise<Order>;
  cancel: AbortController;
  shutdown: () => boolean;
}

/** What the listener says; when it falls silent because it died, the job ends as at a shutdown. */
function openChannel(fd: number): Channel {
  const cancel = new AbortController();
  const order = Promise.withResolvers<Order>();
  let shutdown = false;
  const end = () => {
    shutdown = true;
    cancel.abort(new Error("The runner has received a shutdown signal."));
  };
  createInterface({ input: new Socket({ fd, readable: true, writable: false }) })
    .on("line", (line) => {
      const message = JSON.parse(line) as ToWorker;
      if (message.type === "NewJobRequest") order.resolve(message);
      else if (message.type === "CancelRequest") cancel.abort(new Error("The operation was canceled."));
      else end();
    })
    .on("close", () => {
      order.reject(new Error("The listener closed the pipe before it sent a job."));
      end();
    });
  // A terminal's Ctrl-C reaches every process of the group; the listener decides what becomes of the job.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", end);
  return { order: order.promise, cancel, shutdown: () => shutdown };
}

async function work(root: string, channel: Channel): Promise<number> {
  const config = readConfig(root);
  if (!config) throw new Error("Runner is not configured.");
  const { message, runServiceUrl } = await channel.order;
  const tokens = createTokens(config.credentials, config.rsa, realDeps);
  const masker = createMasker([...message.mask, message.system.runtimeToken]);
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const diag = openDiag(root, "Worker", { now: realDeps.now, print }, masker.mask);
  const service = (path: string) => new URL(path, runServiceUrl.replace(/\/?$/, "/")).href;
  const post = (path: string, body: { json: unknown } | { text: string }) =>
    call(tokens, { method: "POST", url: service(path), timeoutMs: 30_000, ...body }, realDeps);
  const log = createLog(async (text) => void (await post("log", { text })), masker, realDeps);
  diag.info(`Job ${message.jobId}: ${message.jobDisplayName}`);
  const order = {
    message,
    runnerName: config.settings.AgentName,
    root,
    work: resolve(root, config.settings.WorkFolder),
    masker,
    log,
    cancel: channel.cancel.signal,
    shutdown: channel.shutdown,
  };
  const result = await runJob(order, realDeps);
  await log.close();
  for (const step of result.stepResults) diag.info(`Step '${step.name}': ${step.conclusion}`);
  await complete(result, (json) => post("completejob", { json }), diag.error);
  return toReturnCode(results[result.conclusion]);
}

/** About two minutes of attempts; after a lost answer the second one may find the job done already. */
async function complete(
  result: JobResult,
  post: (json: JobResult) => Promise<unknown>,
  error: (line: string) => void,
) {
  const pauseMs = (attempt: number) => Math.min(15_000, 500 * 2 ** attempt);
  try {
    await withRetries(() => post(result), { attempts: 12, pauseMs }, realDeps);
  } catch (problem) {
    if (!(problem instanceof Refused && problem.status === 404)) throw problem;
    error(`The job was over at GitHub before it was reported. ${problem.message}`);
  }
}

nameProcess("Runner.Worker");
const [, script = "", verb, fd = ""] = process.argv;
if (verb !== "spawnclient" || !/^\d+$/.test(fd)) {
  process.stderr.write("Runner.Worker is started by Runner.Listener: Runner.Worker spawnclient FD\n");
  process.exit(1);
}
const channel = openChannel(Number(fd));
channel.order.catch(() => undefined);
work(dirname(dirname(dirname(resolve(script)))), channel).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(1);
  },
);
