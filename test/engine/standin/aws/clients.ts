/** AWS clients of the stand-in provider. They are loaded when first used: a plugin starts with every command. */
import type { CloudWatchClient } from "@aws-sdk/client-cloudwatch";
import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import type { EC2Client } from "@aws-sdk/client-ec2";
import type { IAMClient } from "@aws-sdk/client-iam";
import type { S3Client } from "@aws-sdk/client-s3";
import type { SNSClient } from "@aws-sdk/client-sns";
import type { SSMClient } from "@aws-sdk/client-ssm";

const loaders = {
  ec2: async (options: object): Promise<EC2Client> =>
    new (await import("@aws-sdk/client-ec2")).EC2Client(options),
  s3: async (options: object): Promise<S3Client> =>
    new (await import("@aws-sdk/client-s3")).S3Client({ ...options, forcePathStyle: true }),
  iam: async (options: object): Promise<IAMClient> =>
    new (await import("@aws-sdk/client-iam")).IAMClient(options),
  ssm: async (options: object): Promise<SSMClient> =>
    new (await import("@aws-sdk/client-ssm")).SSMClient(options),
  cloudwatch: async (options: object): Promise<CloudWatchClient> =>
    new (await import("@aws-sdk/client-cloudwatch")).CloudWatchClient(options),
  logs: async (options: object): Promise<CloudWatchLogsClient> =>
    new (await import("@aws-sdk/client-cloudwatch-logs")).CloudWatchLogsClient(options),
  sns: async (options: object): Promise<SNSClient> =>
    new (await import("@aws-sdk/client-sns")).SNSClient(options),
};
type Service = keyof typeof loaders;
export type ClientOf<S extends Service> = Awaited<ReturnType<(typeof loaders)[S]>>;

/** @returns the client of a service in a region; made once for each. */
export type Clients = <S extends Service>(service: S, region: string) => Promise<ClientOf<S>>;

/**
 * Clients that reach one endpoint and nothing else.
 * @throws Error unless it is on loopback: a stand-in must never make a thing that costs
 */
export const makeClients = (endpoint: string | undefined): Clients => {
  if (endpoint === undefined || !/^http:\/\/127\.0\.0\.1:\d+$/.test(endpoint))
    throw new Error(
      `AWS_ENDPOINT_URL is ${endpoint ?? "not set"}: the stand-in of the aws plugin works only with ` +
        "http://127.0.0.1:PORT, where a test has started moto",
    );
  const made = new Map<string, Promise<unknown>>();
  return <S extends Service>(service: S, region: string) => {
    const key = `${service} ${region}`;
    let client = made.get(key);
    if (!client) {
      const credentials = { accessKeyId: "test", secretAccessKey: "test" };
      client = loaders[service]({ endpoint, region, credentials, maxAttempts: 2 });
      made.set(key, client);
    }
    return client as Promise<ClientOf<S>>;
  };
};
