/** Leaving against moto: the SDK's calls, filters and pages as they go over the wire. */
import {
  CreateNetworkInterfaceCommand,
  CreateVolumeCommand,
  DescribeInstancesCommand,
  DescribeNetworkInterfacesCommand,
  DescribeSubnetsCommand,
  DescribeVolumesCommand,
  EC2Client,
  RunInstancesCommand,
  type ResourceType,
} from "@aws-sdk/client-ec2";
import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { beforeEach, expect, test } from "vitest";
import { awsBucket, awsRegion, awsSecrets } from "../../../agent/leaving/aws.ts";
import type { Clock } from "../../../agent/manager/deps.ts";
import { sweep } from "../../../agent/leaving/sweep.ts";
import { makeWorld, never, sweepOptions } from "../../agent/leaving/world.ts";
import { withMoto } from "../with-moto.ts";

const region = "eu-central-1";
const moto = withMoto();
beforeEach(() => moto().reset());

const ec2 = () => new EC2Client({ region });
const tagged = (type: ResourceType, tags: Record<string, string>) => ({
  TagSpecifications: [
    { ResourceType: type, Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
  ],
});
const ours = { "muster:stack": "muster/dev", "muster:pool": "arm64" };
const launch = async (tags: Record<string, string>, count = 1): Promise<string[]> => {
  const { Instances = [] } = await ec2().send(
    new RunInstancesCommand({
      ImageId: "ami-12345678",
      InstanceType: "c7g.large",
      MinCount: count,
      MaxCount: count,
      ...tagged("instance", tags),
    }),
  );
  return Instances.map(({ InstanceId }) => InstanceId!);
};
const alive = async () => {
  const { Reservations = [] } = await ec2().send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances)
    .filter(({ State }) => State?.Name !== "terminated")
    .map(({ InstanceId }) => InstanceId!)
    .sort();
};
/** The calls are real, the pauses between them pass at once. */
const hasty = (): Clock => {
  let nowMs = 0;
  return {
    now: () => nowMs,
    after: () => () => {},
    sleep: (ms) => Promise.resolve(void (nowMs += ms)),
  };
};
const sweepNow = async () => {
  const { deps, said } = makeWorld();
  const small = (name: string, stack: string) => awsRegion(name, stack, 5);
  await sweep(sweepOptions, { ...deps, clock: hasty(), region: small }, never);
  return said;
};

test("over several pages everything of the stack is ended, and again nothing is an error", async () => {
  const kept = [
    ...(await launch({ ...ours, "muster:role": "manager" })),
    ...(await launch({ ...ours, "muster:role": "fixed" })),
    ...(await launch({ ...ours, "muster:stack": "muster/development" })),
    ...(await launch({ ...ours, "muster:stack": "other/dev" })),
    ...(await launch({ "muster:pool": "arm64" })),
  ].sort();
  await launch(ours, 17);
  await launch({ "muster:stack": "muster/dev" });
  expect(await sweepNow()).toContain("sweep: eu-central-1: 18 machines ended, nothing is left");
  expect(await alive()).toEqual(kept);
  await sweepNow();
  expect(await alive()).toEqual(kept);
});

test("volumes and interfaces that machines left go; those of the program and of others stay", async () => {
  const { Subnets = [] } = await ec2().send(new DescribeSubnetsCommand({}));
  const { SubnetId, AvailabilityZone } = Subnets[0]!;
  const interfaceWith = (tags: Record<string, string>) =>
    ec2().send(new CreateNetworkInterfaceCommand({ SubnetId, ...tagged("network-interface", tags) }));
  const volumeWith = (tags: Record<string, string>) =>
    ec2().send(new CreateVolumeCommand({ Size: 1, AvailabilityZone, ...tagged("volume", tags) }));
  for (const make of [interfaceWith, volumeWith]) {
    await make(ours);
    await make({ "muster:stack": "muster/dev" });
    await make({ ...ours, "muster:stack": "other/dev" });
  }
  await sweepNow();
  const { Volumes = [] } = await ec2().send(new DescribeVolumesCommand({}));
  const { NetworkInterfaces = [] } = await ec2().send(new DescribeNetworkInterfacesCommand({}));
  expect([Volumes.length, NetworkInterfaces.length]).toEqual([2, 2]);
});

test("an object is read, written and removed; what is not there is null, also without a bucket", async () => {
  await new S3Client({ region }).send(
    new CreateBucketCommand({ Bucket: "here", CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  const here = awsBucket("here", region);
  expect(await here.read("a")).toBeNull();
  await here.write("a", "{}");
  expect(await here.read("a")).toBe("{}");
  await here.remove("a");
  await here.remove("a");
  expect(await here.read("a")).toBeNull();
  const gone = awsBucket("not-here", region);
  expect(await gone.read("a")).toBeNull();
  await gone.remove("a");
});

test("the credential comes from its parameter, and a missing one is named", async () => {
  const parameter = {
    Name: "/muster-dev/secrets/githubToken",
    Value: "t0ken",
    Type: "SecureString",
  } as const;
  await new SSMClient({ region }).send(new PutParameterCommand(parameter));
  expect(await awsSecrets(sweepOptions.secrets, region)).toEqual({ githubToken: "t0ken" });
  await expect(awsSecrets({ githubToken: "/none" }, region)).rejects.toThrow(/\/none: ParameterNotFound/);
});
