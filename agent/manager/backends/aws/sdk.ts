/** The part of EC2's API that the backend uses, through the SDK. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import {
  CreateFleetCommand,
  type CreateFleetCommandInput,
  type CreateFleetCommandOutput,
  DescribeInstancesCommand,
  type DescribeInstancesCommandInput,
  type DescribeInstancesCommandOutput,
  DescribeInstanceStatusCommand,
  type DescribeInstanceStatusCommandInput,
  type DescribeInstanceStatusCommandOutput,
  DescribeSpotPriceHistoryCommand,
  type DescribeSpotPriceHistoryCommandInput,
  type DescribeSpotPriceHistoryCommandOutput,
  EC2Client,
  GetConsoleOutputCommand,
  type GetConsoleOutputCommandInput,
  type GetConsoleOutputCommandOutput,
  StartInstancesCommand,
  type StartInstancesCommandInput,
  type StartInstancesCommandOutput,
  StopInstancesCommand,
  type StopInstancesCommandInput,
  type StopInstancesCommandOutput,
  TerminateInstancesCommand,
  type TerminateInstancesCommandInput,
  type TerminateInstancesCommandOutput,
} from "@aws-sdk/client-ec2";
import type { Keys } from "../../mirror/presign.ts";
import { awsLimits } from "./limits.ts";

export interface Ec2 {
  createFleet(input: CreateFleetCommandInput, signal: AbortSignal): Promise<CreateFleetCommandOutput>;
  describeInstances(
    input: DescribeInstancesCommandInput,
    signal: AbortSignal,
  ): Promise<DescribeInstancesCommandOutput>;
  describeInstanceStatus(
    input: DescribeInstanceStatusCommandInput,
    signal: AbortSignal,
  ): Promise<DescribeInstanceStatusCommandOutput>;
  terminateInstances(
    input: TerminateInstancesCommandInput,
    signal: AbortSignal,
  ): Promise<TerminateInstancesCommandOutput>;
  startInstances(
    input: StartInstancesCommandInput,
    signal: AbortSignal,
  ): Promise<StartInstancesCommandOutput>;
  stopInstances(input: StopInstancesCommandInput, signal: AbortSignal): Promise<StopInstancesCommandOutput>;
  describeSpotPriceHistory(
    input: DescribeSpotPriceHistoryCommandInput,
    signal: AbortSignal,
  ): Promise<DescribeSpotPriceHistoryCommandOutput>;
  getConsoleOutput(
    input: GetConsoleOutputCommandInput,
    signal: AbortSignal,
  ): Promise<GetConsoleOutputCommandOutput>;
}

export const ec2Of = (client: Pick<EC2Client, "send">): Ec2 => ({
  createFleet: (input, abortSignal) => client.send(new CreateFleetCommand(input), { abortSignal }),
  describeInstances: (input, abortSignal) =>
    client.send(new DescribeInstancesCommand(input), { abortSignal }),
  describeInstanceStatus: (input, abortSignal) =>
    client.send(new DescribeInstanceStatusCommand(input), { abortSignal }),
  terminateInstances: (input, abortSignal) =>
    client.send(new TerminateInstancesCommand(input), { abortSignal }),
  startInstances: (input, abortSignal) => client.send(new StartInstancesCommand(input), { abortSignal }),
  stopInstances: (input, abortSignal) => client.send(new StopInstancesCommand(input), { abortSignal }),
  describeSpotPriceHistory: (input, abortSignal) =>
    client.send(new DescribeSpotPriceHistoryCommand(input), { abortSignal }),
  getConsoleOutput: (input, abortSignal) => client.send(new GetConsoleOutputCommand(input), { abortSignal }),
});

/** The SDK's own agents follow no proxy, not even where Node is told to. */
const agents = (env: NodeJS.ProcessEnv = process.env) => {
  const proxyEnv = env["NODE_USE_ENV_PROXY"] === "1" ? env : {};
  return {
    httpAgent: new HttpAgent({ keepAlive: true, proxyEnv }),
    httpsAgent: new HttpsAgent({ keepAlive: true, proxyEnv }),
  };
};

/** Keys of the manager's role, or of whoever runs it, for what is signed by hand; each asking gives valid ones. */
export const keysOf = (region: string): (() => Promise<Keys>) => {
  const { config } = new EC2Client({ region });
  return () => config.credentials();
};

/**
 * Credentials are found as every tool of AWS finds them: on a manager's machine its role's. The SDK repeats nothing: a launch
 * is repeated by the core, which knows that it is in doubt, and lists and ends are asked for again anyway.
 */
export const connect = (region: string): Ec2 =>
  ec2Of(
    new EC2Client({
      region,
      maxAttempts: 1,
      requestHandler: {
        ...agents(),
        connectionTimeout: awsLimits.connectTimeoutMs,
        requestTimeout: Math.max(...Object.values(awsLimits.callTimeoutMs)),
        throwOnRequestTimeout: true,
      },
    }),
  );
