/**
 * A job queued at GitHub -> the fleet call at AWS: the manager as the process that it is, GitHub's simulator and AWS's
 * stand-in over HTTP. What is launched never boots, so every job stays waiting for its machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readSettings } from "../../agent/manager/settings.ts";
import { startAwsChain } from "../../test/chain/aws-chain.ts";
import type { Chain } from "../../test/chain/chain.ts";
import { type Aws, startAws } from "../../test/clouds/aws/aws.ts";
import { makeEntry } from "../../test/clouds/aws/entry.ts";
import { median } from "./figures.ts";

export interface Burst {
  jobs: number;
  /** Of the last fleet call. */
  lastMs: number;
  fleetCalls: number;
}
export interface AwsLaunchBench {
  /** Median over single jobs. */
  oneMs: number;
  bursts: Burst[];
  /** Calls of AWS in a minute in which nothing happens, with all of the above alive. */
  awsCallsPerMinute: number;
  /** What a machine fetches from the manager before its agent runs. */
  bootBytes: number;
}

const region = "eu-central-1";
const address = "127.0.0.1";
/** Generous: a busy machine is slow, and the figure says by how much. */
const limitMs = 120_000;

/** Machines that all fleet calls together asked for, and when the last came. */
const launched = (aws: Aws): { machines: number; calls: number; lastMs: number } => {
  const calls = aws.requests("CreateFleet");
  const target = "TargetCapacitySpecification.TotalTargetCapacity";
  const asked = calls.map(({ form }) => Number(form.find(([name]) => name === target)![1]));
  return {
    machines: asked.reduce((sum, count) => sum + count, 0),
    calls: calls.length,
    lastMs: calls.at(-1)?.atMs ?? Number.NaN,
  };
};

async function reached(what: string, test: () => boolean): Promise<void> {
  const untilMs = performance.now() + limitMs;
  while (!test()) {
    if (performance.now() > untilMs) throw new Error(`bench: not within ${limitMs / 1_000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** From the queue at GitHub to the last fleet call that these jobs need. */
async function burst(chain: Chain, aws: Aws, label: string, jobs: number): Promise<Burst> {
  aws.resetCalls();
  const queuedMs = performance.now();
  await chain.github.control.dispatchJobs(Array.from({ length: jobs }, () => ({ labels: [label] })));
  await reached(`${jobs} machines are asked for`, () => launched(aws).machines >= jobs);
  const { lastMs, calls } = launched(aws);
  // The calls are answered before the next figure: moto works one call after the other.
  await chain.until(
    "they are started",
    ({ machines }) => machines.every(({ stage }) => stage !== "asked"),
    limitMs,
  );
  return { jobs, lastMs: lastMs - queuedMs, fleetCalls: calls };
}

const bytesOf = (port: number, ca: string, path: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const call = request({ host: address, port, path, ca }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.once("end", () =>
        answer.statusCode === 200
          ? resolve(Buffer.concat(parts))
          : reject(new Error(`bench: ${path} is answered with ${answer.statusCode}`)),
      );
    });
    call.once("error", reject).end();
  });

/**
 * The agent's program, by its hash. Beside it a machine asks for the manifest, some hundred bytes, and the runner comes from
 * elsewhere; the simulator names no place over https, so its manager has no manifest to give.
 */
async function bundleBytes(port: number, ca: string, directory: string): Promise<number> {
  const { config } = await readSettings(join(directory, "settings.json"));
  return (await bytesOf(port, ca, `/bundle/runner-${config.manager.runnerBundle.sha256}.mjs`)).length;
}

export async function benchAwsLaunch(rounds = 15, bursts = [50, 500]): Promise<AwsLaunchBench> {
  const directory = mkdtempSync(join(tmpdir(), "muster-bench-"));
  const aws = await startAws();
  let chain: Chain | null = null;
  try {
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const entry = await makeEntry(region, {}, { endpoint: aws.url, credentials });
    const pool = (label: string, max: number) => ({ labels: [label], max, backends: [entry] });
    const many = bursts.map((jobs) => [`of-${jobs}`, pool(`of-${jobs}`, jobs)] as const);
    const pools = { one: pool("one", rounds), ...Object.fromEntries(many) };
    const { stack, port, ...started } = await startAwsChain(aws, { directory, pools });
    ({ chain } = started);
    await chain.github.control.wait({ what: "polling", count: 1 + bursts.length }, limitMs);
    const ones: number[] = [];
    for (let round = 0; round < rounds; round++) ones.push((await burst(chain, aws, "one", 1)).lastMs);
    const all: Burst[] = [];
    for (const jobs of bursts) all.push(await burst(chain, aws, `of-${jobs}`, jobs));
    const bootBytes = await bundleBytes(port, stack.ca, directory);
    aws.resetCalls();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    const awsCallsPerMinute = Object.values(aws.calls()).reduce((sum, count) => sum + count, 0);
    return { oneMs: median(ones), bursts: all, awsCallsPerMinute, bootBytes };
  } finally {
    await chain?.stop();
    await aws.close();
    rmSync(directory, { recursive: true, force: true });
  }
}
