/** What `pulumi up` leaves in bucket and parameters for the manager's machine, in moto. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { CloudWatchClient, ListMetricsCommand } from "@aws-sdk/client-cloudwatch";
import {
  CloudWatchLogsClient,
  CreateLogGroupCommand,
  GetLogEventsCommand,
  ResourceNotFoundException,
} from "@aws-sdk/client-cloudwatch-logs";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import type { ManagerConfig } from "../../../agent/manager-config.ts";
import {
  currentKey,
  currentVersion,
  type DrainOrder,
  drainingKey,
  fileKey,
  type FilesParameter,
  hostFileNames,
  hostMetrics,
  type HostFileName,
  type HostStatus,
  hostStatus,
  statusKey,
} from "../../../agent/manager-host.ts";

export const bucket = "muster-test-manager";
export const parameterPrefix = "/muster-test";
export const logGroup = "muster-test-manager";
const region = "eu-central-1";

export const sha256 = (bytes: string | Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

export type Programs = Record<HostFileName, Uint8Array>;

/** A program with other bytes and the same behaviour. */
export const variant = (program: Uint8Array, mark: string): Uint8Array =>
  Buffer.concat([program, Buffer.from(`\n// ${mark}\n`)]);

export const programsOf = (paths: Record<"manager" | "runner" | "updater", { path: string }>): Programs => ({
  "manager.mjs": readFileSync(paths.manager.path),
  "runner.mjs": readFileSync(paths.runner.path),
  "updater.mjs": readFileSync(paths.updater.path),
});

/** The machine's status; null before its first. */
export const statusIn = async (s3: S3Client, from: string): Promise<HostStatus | null> => {
  const object = await s3.send(new GetObjectCommand({ Bucket: from, Key: statusKey })).catch(() => null);
  return object && hostStatus.parse(JSON.parse(await object.Body!.transformToString()));
};

export const makeCloud = async (url: string) => {
  const options = {
    region,
    endpoint: url,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    forcePathStyle: true,
  };
  const s3 = new S3Client(options);
  const ssm = new SSMClient(options);
  const cloudWatch = new CloudWatchClient(options);
  const cloudWatchLogs = new CloudWatchLogsClient(options);
  await s3.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  const put = (key: string, body: string | Uint8Array) =>
    s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  const parameter = (name: string, value: string, type: "String" | "SecureString") =>
    ssm.send(new PutParameterCommand({ Name: name, Value: value, Type: type, Overwrite: true }));
  const hashes = (programs: Programs) =>
    Object.fromEntries(hostFileNames.map((name) => [name, sha256(programs[name])])) as FilesParameter;
  const cloud = {
    put,
    upload: async (programs: Programs) => {
      for (const name of hostFileNames) await put(fileKey(sha256(programs[name]), name), programs[name]);
    },
    parameterSays: (programs: Programs) =>
      parameter(`${parameterPrefix}/files`, JSON.stringify(hashes(programs)), "String"),
    currentSays: (config: ManagerConfig, programs: Programs, version: number = currentVersion) =>
      put(
        currentKey,
        JSON.stringify({
          version,
          files: hashes(programs),
          config,
          secrets: { githubToken: `${parameterPrefix}/secrets/githubToken` },
        }),
      ),
    /** Everything, in the order of the program. */
    up: async (config: ManagerConfig, programs: Programs) => {
      await cloud.upload(programs);
      await cloud.parameterSays(programs);
      await cloud.currentSays(config, programs);
    },
    secret: (value: string) => parameter(`${parameterPrefix}/secrets/githubToken`, value, "SecureString"),
    drain: (order: DrainOrder) => put(drainingKey, JSON.stringify(order)),
    takeBackDrain: () => s3.send(new DeleteObjectCommand({ Bucket: bucket, Key: drainingKey })),
    status: () => statusIn(s3, bucket),
    /** What the log group has of one stream; null where there is no such stream. */
    logged: async (logStreamName: string): Promise<string[] | null> => {
      const ask = new GetLogEventsCommand({ logGroupName: logGroup, logStreamName, startFromHead: true });
      const found = await cloudWatchLogs.send(ask).catch((error: Error) => {
        if (error instanceof ResourceNotFoundException) return null;
        throw error;
      });
      return found && (found.events ?? []).map(({ message }) => message!);
    },
    makeLogGroup: () => cloudWatchLogs.send(new CreateLogGroupCommand({ logGroupName: logGroup })),
    /** Names of the stack's metrics that have values. */
    metrics: async (stack: string) => {
      const found = await cloudWatch.send(
        new ListMetricsCommand({ Namespace: hostMetrics.namespace(stack) }),
      );
      const own = found.Metrics?.filter(({ Dimensions }) => Dimensions?.[0]?.Value === stack);
      return own?.map(({ MetricName }) => MetricName).sort();
    },
    close: () => {
      cloudWatch.destroy();
      cloudWatchLogs.destroy();
      s3.destroy();
      ssm.destroy();
    },
  };
  return cloud;
};
export type Cloud = Awaited<ReturnType<typeof makeCloud>>;
