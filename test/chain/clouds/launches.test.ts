/** What the stand-in of AWS does with launches as EC2 does and moto does not. */
import {
  DescribeNetworkInterfacesCommand,
  DescribeVolumesCommand,
  RunInstancesCommand,
} from "@aws-sdk/client-ec2";
import { PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { describe, expect, test } from "vitest";
import { all, ec2, idsOf, one, refused, region, withEntry } from "./rig.ts";

const { aws, fleet, use, entry } = withEntry();

describe("client tokens", () => {
  test("the same call again, also at once, has the same answer and makes nothing", async () => {
    const [first, second] = await Promise.all([ec2().send(fleet()), ec2().send(fleet())]);
    const third = await ec2().send(fleet());
    expect(idsOf(first)).toHaveLength(2);
    expect([second, third].map(idsOf)).toEqual([idsOf(first), idsOf(first)]);
    expect(third.FleetId).toBe(first.FleetId);
    expect(await all()).toHaveLength(2);
  });

  test("a token with other parameters is refused, and another region knows nothing of it", async () => {
    await ec2().send(fleet());
    expect(await refused(ec2().send(fleet({ count: 3 })))).toContain("400 IdempotentParameterMismatch");
    expect(await all()).toHaveLength(2);
    await use("eu-west-1");
    await ec2("eu-west-1").send(fleet({ count: 3 }));
    expect(await all(ec2("eu-west-1"))).toHaveLength(3);
  });

  test("a call that was refused leaves its token free", async () => {
    aws().fail("CreateFleet", { code: "Unavailable", times: 1 });
    expect(await refused(ec2().send(fleet()))).toContain("503 Unavailable");
    expect(idsOf(await ec2().send(fleet()))).toHaveLength(2);
  });

  test("RunInstances has them, too", async () => {
    const run = new RunInstancesCommand({
      ...{ ImageId: "ami-12345678", InstanceType: "c7g.large", MinCount: 1, MaxCount: 1, ClientToken: "r1" },
    });
    const [first, again] = [await ec2().send(run), await ec2().send(run)];
    expect(again.Instances![0]!.InstanceId).toBe(first.Instances![0]!.InstanceId);
    expect(await all()).toHaveLength(1);
  });
});

describe("capacity", () => {
  test("what a pool has not comes from the next, and each that lacked has its error", async () => {
    const [zone, other] = entry().subnets.map((subnet) => subnet.zone);
    aws().capacity({ zone: zone! }, 1);
    aws().capacity({ zone: other! }, 2, "UnfulfillableCapacity");
    const { Instances = [], Errors = [] } = await ec2().send(fleet({ count: 5 }));
    expect(
      Instances.map(({ InstanceIds, LaunchTemplateAndOverrides }) => [
        InstanceIds!.length,
        LaunchTemplateAndOverrides!.Overrides!.SubnetId,
      ]),
    ).toEqual([
      [2, entry().subnets[1]!.id],
      [1, entry().subnets[0]!.id],
    ]);
    expect(
      Errors.map(({ ErrorCode, Lifecycle, LaunchTemplateAndOverrides }) => [
        ErrorCode,
        Lifecycle,
        LaunchTemplateAndOverrides!.Overrides!.SubnetId,
      ]),
    ).toEqual([
      ["UnfulfillableCapacity", "spot", entry().subnets[1]!.id],
      ["InsufficientInstanceCapacity", "spot", entry().subnets[0]!.id],
    ]);
    const made = await all();
    expect(made.map(({ Placement }) => Placement!.AvailabilityZone).sort()).toEqual(
      [zone, other, other].sort(),
    );
  });

  test("the prioritized strategy goes by the priorities and on demand has its own quota", async () => {
    aws().capacity({ market: "on-demand", type: "m7g.large" }, 1, "VcpuLimitExceeded");
    const onDemand = {
      TargetCapacitySpecification: { TotalTargetCapacity: 3, DefaultTargetCapacityType: "on-demand" },
      OnDemandOptions: { AllocationStrategy: "prioritized" },
      types: ["m7g.large", "c7g.large"],
    } as const;
    const { Instances = [], Errors = [] } = await ec2().send(
      fleet({ ...onDemand, types: [...onDemand.types] }),
    );
    expect(
      Instances.map(({ InstanceType, Lifecycle, InstanceIds }) => [
        InstanceType,
        Lifecycle,
        InstanceIds!.length,
      ]),
    ).toEqual([
      ["m7g.large", "on-demand", 1],
      ["c7g.large", "on-demand", 2],
    ]);
    expect(new Set(Errors.map(({ ErrorCode }) => ErrorCode))).toEqual(new Set(["VcpuLimitExceeded"]));
  });
});

describe("instances have what their template and the call say", () => {
  test("market, type, zone, group, IMDSv2, an encrypted gp3 and tags on everything", async () => {
    const [id] = idsOf(await ec2().send(fleet({ count: 1 })));
    const made = await one(id!);
    expect(made).toMatchObject({
      InstanceLifecycle: "spot",
      InstanceType: "c7g.large",
      SubnetId: entry().subnets[0]!.id,
      MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1 },
    });
    expect(made.SecurityGroups!.map(({ GroupName }) => GroupName)).toEqual([
      expect.stringMatching(/^muster-test-/),
    ]);
    const { Volumes = [] } = await ec2().send(new DescribeVolumesCommand({}));
    expect(Volumes).toMatchObject([{ Encrypted: true, VolumeType: "gp3", Size: 20 }]);
    const { NetworkInterfaces = [] } = await ec2().send(new DescribeNetworkInterfacesCommand({}));
    const pool = { Key: "muster:pool", Value: "a" };
    expect(made.Tags).toContainEqual(pool);
    expect(Volumes[0]!.Tags).toContainEqual(pool);
    expect(NetworkInterfaces[0]!.TagSet).toContainEqual(pool);
  });

  test("an image by its parameter is the image of the day; an unknown parameter is refused", async () => {
    await use(region, { template: { ImageId: "resolve:ssm:/images/runner" } });
    expect(await refused(ec2().send(fleet()))).toMatch(/^400 SsmInvalidParameter: .*\/images\/runner/);
    await new SSMClient({ region }).send(
      new PutParameterCommand({ Name: "/images/runner", Value: "ami-0123456789abcdef0", Type: "String" }),
    );
    const [id] = idsOf(await ec2().send(fleet({ count: 1 })));
    expect((await one(id!)).ImageId).toBe("ami-0123456789abcdef0");
    aws().setImage("/images/runner", "ami-00000000000000001");
    const [next] = idsOf(await ec2().send(fleet({ count: 1, ClientToken: "t2" })));
    expect((await one(next!)).ImageId).toBe("ami-00000000000000001");
  });

  test.each([
    ["metadataOptions.httpTokens", { MetadataOptions: { HttpPutResponseHopLimit: 1 } }],
    [
      "metadataOptions.httpPutResponseHopLimit",
      { MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 2 } },
    ],
    ["instanceInitiatedShutdownBehavior", { InstanceInitiatedShutdownBehavior: "stop" }],
    ["security group", { SecurityGroupIds: [] }],
    ["encrypted gp3", { BlockDeviceMappings: [] }],
    ["encrypted gp3", { BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { VolumeType: "gp3" } }] }],
    ["instanceMarketOptions", { InstanceMarketOptions: { MarketType: "spot" } }],
    ["iamInstanceProfile", { IamInstanceProfile: { Name: "p" } }],
  ] as const)("a fleet from a template without the right %s is refused in words", async (what, template) => {
    await use(region, { template: template as object });
    expect(await refused(ec2().send(fleet()))).toContain(what);
    expect(await all()).toEqual([]);
  });
});
