/** Calls of EC2 as tests of its stand-in make them: real clients of the SDK. */
import {
  CreateFleetCommand,
  type CreateFleetCommandInput,
  type CreateFleetCommandOutput,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
} from "@aws-sdk/client-ec2";
import { beforeEach } from "vitest";
import type { AwsBackend } from "../../../agent/manager-config.ts";
import { makeEntry, withAws } from "../with-aws.ts";

export const region = "eu-central-1";

/** The stand-in, empty before each test of the file but for an entry's template. */
export const withEntry = () => {
  const aws = withAws();
  let entry: AwsBackend;
  const use = async (...args: Parameters<typeof makeEntry>) => void (entry = await makeEntry(...args));
  beforeEach(async () => {
    await aws().reset();
    await use(region);
  });
  /** A fleet of the entry in use, in two of its zones. */
  const fleet = (over: Partial<CreateFleetCommandInput> & { count?: number; types?: string[] } = {}) => {
    const { count = 2, types = ["c7g.large"], ...rest } = over;
    return new CreateFleetCommand({
      ClientToken: "t1",
      Type: "instant",
      TargetCapacitySpecification: { TotalTargetCapacity: count, DefaultTargetCapacityType: "spot" },
      SpotOptions: { AllocationStrategy: "price-capacity-optimized" },
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: { LaunchTemplateId: entry.template.id, Version: "1" },
          Overrides: types.flatMap((InstanceType, Priority) =>
            entry.subnets
              .slice(0, 2)
              .map(({ id }) => ({ InstanceType: InstanceType as "c7g.large", SubnetId: id, Priority })),
          ),
        },
      ],
      TagSpecifications: (["instance", "volume", "network-interface"] as const).map((ResourceType) => ({
        ResourceType,
        Tags: [{ Key: "muster:pool", Value: "a" }],
      })),
      ...rest,
    });
  };
  return { aws, fleet, use, entry: () => entry };
};

export const ec2 = (in_ = region) => new EC2Client({ region: in_, maxAttempts: 1 });
export const idsOf = ({ Instances = [] }: CreateFleetCommandOutput) =>
  Instances.flatMap(({ InstanceIds = [] }) => InstanceIds);
export const all = async (client = ec2()): Promise<Instance[]> => {
  const { Reservations = [] } = await client.send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
};
export const one = async (id: string): Promise<Instance> =>
  (await all()).find(({ InstanceId }) => InstanceId === id)!;
/** The error's code and sentence, as people see them. */
export const refused = (call: Promise<unknown>) =>
  call.then(
    () => "it was done",
    (error: Error & { $metadata?: { httpStatusCode?: number } }) =>
      `${error.$metadata?.httpStatusCode} ${error.name}: ${error.message}`,
  );
