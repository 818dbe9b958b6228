/** Runs components against Pulumi's mocks and hands back what they would make, with plain inputs. */
import * as pulumi from "@pulumi/pulumi";
import type { RegisterResourceRequest } from "@pulumi/pulumi/proto/resource_pb.js";
import type { MockResourceArgs } from "@pulumi/pulumi/runtime/index.js";
import { awsContext, type AwsContext } from "../../../infra/aws/context.ts";
import type { AwsBackendSettings, AwsSettings } from "../../../infra/aws/settings.ts";

export interface Made {
  type: string;
  name: string;
  // Whatever the resource has.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  inputs: any;
  /** Name of the explicit provider, which is the region. */
  provider: string | undefined;
  /** What is ignored, kept, replaced in which order. */
  options: { ignoreChanges: string[]; retainOnDelete: boolean; deleteBeforeReplace: boolean };
  /** Names of what has to be there before. */
  after: string[];
}

type Asked = Pick<Made, "options" | "after">;
interface Monitor {
  registerResource(request: RegisterResourceRequest, callback: unknown): Promise<void>;
}

/** Mocks are told only inputs: the rest is read on the way to them. */
const listen = (): Map<string, Asked> => {
  const asked = new Map<string, Asked>();
  const monitor = pulumi.runtime.getMonitor() as unknown as Monitor;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, callback) => {
    asked.set(`${request.getType()} ${request.getName()}`, {
      options: {
        ignoreChanges: request.getIgnorechangesList(),
        retainOnDelete: request.getRetainondelete() ?? false,
        deleteBeforeReplace: request.getDeletebeforereplace(),
      },
      after: request.getDependenciesList().map((urn) => urn.split("::").at(-1)!),
    });
    return register(request, callback);
  };
  return asked;
};

const pem = (kind: string) => `-----BEGIN ${kind}-----\nAAAA\n-----END ${kind}-----\n`;

/** What a provider would answer besides the inputs, by the end of the type. */
const answers: Record<string, (args: MockResourceArgs) => Record<string, unknown>> = {
  ":LaunchTemplate": () => ({ latestVersion: 3 }),
  ":Bucket": ({ inputs }) => ({ arn: `arn:aws:s3:::${inputs.bucketPrefix}1` }),
  ":NetworkInterface": () => ({ privateIp: "10.64.16.10" }),
  ":Topic": ({ name }) => ({ arn: `${name}-arn` }),
  ":Eip": () => ({ publicIp: "203.0.113.7" }),
  ":PrivateKey": () => ({ privateKeyPem: pem("EC PRIVATE KEY") }),
  ":SelfSignedCert": () => ({ certPem: pem("CERTIFICATE") }),
  ":CertRequest": () => ({ certRequestPem: pem("CERTIFICATE REQUEST") }),
  ":LocallySignedCert": () => ({ certPem: pem("CERTIFICATE") }),
};

const computed = (args: MockResourceArgs): Record<string, unknown> => {
  const answer = Object.entries(answers).find(([end]) => args.type.endsWith(end))?.[1];
  return { ...args.inputs, ...answer?.(args) };
};

export interface Graph {
  made: readonly Made[];
  /** All of a type by name: `ec2/subnet:Subnet`. */
  all(type: string): Made[];
  /** The inputs of the one of that type and name. @throws Error when there is none */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  one(type: string, name: string): any;
}

type Asker = Pick<Made, "type" | "name" | "inputs" | "provider"> & Asked;
const nameAsId = ({ type, name, inputs }: Asker): string =>
  type.endsWith(":Bucket") ? `${inputs.bucketPrefix}1` : `${name}-id`;

/**
 * @param program makes resources; what it returns is awaited, so that outputs can be read
 * @param idOf what AWS would call it
 */
export const graphOf = async <T>(
  program: () => T,
  idOf: (made: Asker) => string = nameAsId,
): Promise<Graph & { result: pulumi.Unwrap<T> }> => {
  const made: Made[] = [];
  let heard: ReturnType<typeof listen> | null = null;
  await pulumi.runtime.setMocks({
    newResource: (args) => {
      const provider = args.provider?.split("::").at(-2);
      const asked = heard!.get(`${args.type} ${args.name}`)!;
      made.push({ type: args.type, name: args.name, inputs: args.inputs, provider, ...asked });
      const id = idOf({ type: args.type, name: args.name, inputs: args.inputs, provider, ...asked });
      return { id, state: computed(args) };
    },
    call: ({ inputs }) => inputs,
  });
  heard = listen();
  const result = await new Promise<pulumi.Unwrap<T>>((resolve) => {
    pulumi.output(program()).apply(resolve);
  });
  await pulumi.runtime.disconnect();
  // Those that wait for others come later: the order says nothing.
  made.sort((a, b) => (a.name < b.name ? -1 : 1));
  const all = (type: string) => made.filter((one) => one.type === `aws:${type}`);
  return {
    made,
    result,
    all,
    one: (type, name) => {
      const found = all(type).find((one) => one.name === name);
      if (found) return found.inputs;
      throw new Error(`no ${type} ${name}; there are: ${all(type).map((one) => one.name)}`);
    },
  };
};

export const home = { name: "eu-central-1", zones: ["eu-central-1a", "eu-central-1c"], cidr: "10.64.0.0/16" };
export const peer = { name: "us-east-1", zones: ["us-east-1b"], cidr: "10.65.0.0/16" };

export const awsSettings = (over: Partial<AwsSettings> = {}): AwsSettings => ({
  regions: [home],
  network: { kind: "own", private: false },
  tags: { team: "build" },
  namePrefix: "muster-dev",
  permissionsBoundary: null,
  kmsKeyId: null,
  proxy: null,
  extraCa: null,
  alarmsTo: [],
  cache: { days: 14, retain: false },
  ...over,
});

export const existing = {
  kind: "existing",
  vpcId: "vpc-1",
  subnets: [
    { id: "subnet-1", zone: "eu-central-1a" },
    { id: "subnet-2", zone: "eu-central-1b" },
  ],
  public: false,
  securityGroupIds: ["sg-ours"],
} as const;

export const contextOf = (over: Partial<AwsSettings> = {}): AwsContext =>
  awsContext({ stack: { project: "muster", name: "dev" }, settings: awsSettings(over) });

export const entry = (over: Partial<AwsBackendSettings> = {}): AwsBackendSettings => ({
  kind: "aws",
  name: "spot-eu-central-1",
  region: "eu-central-1",
  market: "spot",
  types: [
    { name: "c8g.2xlarge", cores: 8, memoryMb: 16384, gpus: 0, microsPerHour: 130_000, currency: "USD" },
    { name: "c7g.2xlarge", cores: 8, memoryMb: 16384, gpus: 0, microsPerHour: 120_000, currency: "USD" },
  ],
  arch: "arm64",
  gpu: false,
  diskGb: 100,
  diskThroughput: 250,
  diskIops: 3000,
  image: { kind: "ssm", parameter: "/image" },
  fixed: 0,
  securityGroupIds: [],
  instanceProfile: null,
  instanceProfileRole: null,
  ...over,
});
