/** The EC2 client with recorded calls and answers by hand: nothing leaves this process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EC2Client } from "@aws-sdk/client-ec2";
import { pino } from "pino";
import { makeAwsBackend } from "../../../../../agent/manager/backends/aws/aws.ts";
import { ec2Of } from "../../../../../agent/manager/backends/aws/sdk.ts";
import type { AwsBackend, ManagerConfig } from "../../../../../agent/manager-config.ts";
import type { Deps } from "../../../../../agent/manager/deps.ts";
import { virtualClock } from "../../../../simulation/clock.ts";
import { config } from "../../worlds.ts";

export interface Call {
  region: string;
  /** `CreateFleet` and the like. */
  action: string;
  input: Record<string, unknown>;
}
export type Answer = (call: Call, signal: AbortSignal) => unknown;

/** As the SDK throws them. */
export const ec2Error = (code: string, message = "said", status = 400): Error =>
  Object.assign(new Error(message), { name: code, $metadata: { httpStatusCode: status } });

export const type = (name: string, microsPerHour = 100_000): AwsBackend["types"][number] => ({
  ...{ name, cores: 8, memoryMb: 16_384, gpus: 0, microsPerHour, currency: "USD" },
});
export const entry = (over: Partial<AwsBackend> = {}): AwsBackend => ({
  ...{ kind: "aws", name: "spot-eu-central-1", region: "eu-central-1", market: "spot" },
  types: [type("c8g.2xlarge", 120_000), type("c7g.2xlarge", 100_000)],
  template: { id: "lt-1", version: 3 },
  subnets: [
    { id: "subnet-a", zone: "eu-central-1a" },
    { id: "subnet-b", zone: "eu-central-1b" },
  ],
  besideMicrosPerHour: 0,
  fixed: [],
  ...over,
});

export const instance = (id: string, state = "running", over: Record<string, unknown> = {}) => ({
  InstanceId: id,
  State: { Name: state },
  LaunchTime: new Date(1_000),
  Tags: [
    { Key: "muster:stack", Value: "muster/test" },
    { Key: "muster:pool", Value: "a" },
    { Key: "muster:launch", Value: "l1" },
    { Key: "muster:offer", Value: "aws:a:spot-eu-central-1" },
  ],
  ...over,
});
export const page = (instances: unknown[], NextToken?: string) => ({
  Reservations: [{ Instances: instances }],
  ...(NextToken === undefined ? {} : { NextToken }),
});

export function makeRig(answer: Answer, entries: AwsBackend[] = [entry()]) {
  const directory = mkdtempSync(join(tmpdir(), "muster-aws-"));
  const calls: Call[] = [];
  const logged: string[] = [];
  const clock = virtualClock();
  const log = pino({ level: "info" }, { write: (line) => void logged.push(line) });
  const deps: Deps = { clock, random: () => 0, id: () => "1", log, fetch };
  const settings = (list: AwsBackend[]): ManagerConfig => {
    const base = config({ a: { backends: list.length > 0 ? list : [{ kind: "local" }] } });
    return { ...base, manager: { ...base.manager, directory } };
  };
  let now = settings(entries);
  const connect = (region: string) =>
    ec2Of({
      send: async (
        command: { constructor: { name: string }; input: Record<string, unknown> },
        { abortSignal }: { abortSignal: AbortSignal },
      ) => {
        const call = {
          region,
          action: command.constructor.name.replace(/Command$/, ""),
          input: command.input,
        };
        calls.push(call);
        return answer(call, abortSignal);
      },
    } as unknown as EC2Client);
  const backend = () => makeAwsBackend(() => now, deps, { connect, bootDeadlineMs: 300_000 });
  return {
    calls,
    clock,
    logged,
    backend,
    /** From now on. */
    set: (list: AwsBackend[]) => void (now = settings(list)),
    of: (action: string) => calls.filter((call) => call.action === action),
    close: () => rmSync(directory, { recursive: true }),
  };
}
export type Rig = ReturnType<typeof makeRig>;
