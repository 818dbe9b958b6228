/** Bucket and parameters of AWS, as far as the updater reads and writes them. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { CloudWatchClient, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  CreateLogStreamCommand,
  PutLogEventsCommand,
  ResourceAlreadyExistsException,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import { GetParameterCommand, GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";
import { hostMetrics } from "../manager-host.ts";

export interface TextObject {
  text: string;
  etag: string | null;
  /** When it was written, by the clock of S3. */
  writtenMs: number | null;
}

export interface LogEvent {
  /** Milliseconds since 1970. */
  atMs: number;
  text: string;
}

export interface Store {
  /** `same`: not changed since that ETag. `missing`: there is no such object. */
  text(key: string, etag: string | null, signal: AbortSignal): Promise<TextObject | "same" | "missing">;
  bytes(key: string, signal: AbortSignal): Promise<Uint8Array>;
  put(key: string, text: string, signal: AbortSignal): Promise<void>;
  parameter(name: string, signal: AbortSignal): Promise<string>;
  /** One value of each, by name, now. */
  metrics(values: Readonly<Record<string, number>>, signal: AbortSignal): Promise<void>;
  /** Events of at most 24 hours, oldest first; the stream is made where there is none. What is older than 14 days is lost. */
  log(group: string, stream: string, events: readonly LogEvent[], signal: AbortSignal): Promise<void>;
  /** Decrypted; by name. @throws Error naming those that do not exist */
  secrets(names: readonly string[], signal: AbortSignal): Promise<Map<string, string>>;
}

/** SSM's limit of GetParameters. */
const namesMax = 10;

interface AwsError extends Error {
  $metadata?: { httpStatusCode?: number };
}
const status = (error: unknown) => (error as AwsError).$metadata?.httpStatusCode;

/**
 * @param stack `PROJECT/STACK`, whose metrics they are
 * @param env AWS_REGION, the proxies; credentials come from the machine's role
 */
export const awsStore = (bucket: string, stack: string, env: NodeJS.ProcessEnv = process.env): Store => {
  const proxyEnv = env["NODE_USE_ENV_PROXY"] === "1" ? env : {};
  const requestHandler = {
    connectionTimeout: 5_000,
    requestTimeout: 60_000,
    throwOnRequestTimeout: true,
    httpAgent: new HttpAgent({ keepAlive: true, proxyEnv }),
    httpsAgent: new HttpsAgent({ keepAlive: true, proxyEnv }),
  };
  const common = { requestHandler, maxAttempts: 3 };
  const checksums = {
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  } as const;
  const s3 = new S3Client({ ...common, ...checksums, forcePathStyle: Boolean(env["AWS_ENDPOINT_URL"]) });
  const ssm = new SSMClient(common);
  const cloudWatch = new CloudWatchClient(common);
  const cloudWatchLogs = new CloudWatchLogsClient(common);
  const get = (key: string, etag: string | null, abortSignal: AbortSignal) =>
    s3.send(new GetObjectCommand({ Bucket: bucket, Key: key, ...(etag && { IfNoneMatch: etag }) }), {
      abortSignal,
    });
  return {
    text: async (key, etag, signal) => {
      try {
        const { Body, ETag, LastModified } = await get(key, etag, signal);
        const text = await Body!.transformToString("utf8");
        return { text, etag: ETag ?? null, writtenMs: LastModified?.getTime() ?? null };
      } catch (error) {
        if (status(error) === 304) return "same";
        if (error instanceof NoSuchKey) return "missing";
        throw error;
      }
    },
    bytes: async (key, signal) => (await get(key, null, signal)).Body!.transformToByteArray(),
    put: async (key, text, abortSignal) => {
      await s3.send(
        new PutObjectCommand({ Bucket: bucket, Key: key, Body: text, ContentType: "application/json" }),
        { abortSignal },
      );
    },
    parameter: async (name, abortSignal) =>
      (await ssm.send(new GetParameterCommand({ Name: name }), { abortSignal })).Parameter!.Value!,
    metrics: async (values, abortSignal) => {
      const Dimensions = [{ Name: hostMetrics.dimension, Value: stack }];
      const MetricData = Object.entries(values).map(([MetricName, Value]) => ({
        MetricName,
        Value,
        Dimensions,
      }));
      await cloudWatch.send(
        new PutMetricDataCommand({ Namespace: hostMetrics.namespace(stack), MetricData }),
        {
          abortSignal,
        },
      );
    },
    log: async (logGroupName, logStreamName, events, abortSignal) => {
      const logEvents = events.map(({ atMs, text }) => ({ timestamp: atMs, message: text }));
      const put = new PutLogEventsCommand({ logGroupName, logStreamName, logEvents });
      try {
        await cloudWatchLogs.send(put, { abortSignal });
      } catch (error) {
        if (!(error instanceof ResourceNotFoundException)) throw error;
        const make = new CreateLogStreamCommand({ logGroupName, logStreamName });
        await cloudWatchLogs.send(make, { abortSignal }).catch((other: Error) => {
          if (!(other instanceof ResourceAlreadyExistsException)) throw other;
        });
        await cloudWatchLogs.send(put, { abortSignal });
      }
    },
    secrets: async (names, abortSignal) => {
      const found = new Map<string, string>();
      for (let from = 0; from < names.length; from += namesMax) {
        const Names = names.slice(from, from + namesMax);
        const answer = await ssm.send(new GetParametersCommand({ Names, WithDecryption: true }), {
          abortSignal,
        });
        if (answer.InvalidParameters?.length)
          throw new Error(`SSM has no parameter ${answer.InvalidParameters.join(", ")}`);
        for (const { Name, Value } of answer.Parameters ?? []) found.set(Name!, Value!);
      }
      return found;
    },
  };
};
