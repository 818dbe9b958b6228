/** Ends, trouble, health and consoles in the stand-in of AWS, and what goes through it unchanged. */
import {
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  GetConsoleOutputCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { makeEntry } from "../with-aws.ts";
import { all, ec2, idsOf, one, refused, region, withEntry } from "./rig.ts";

const { aws, fleet, entry } = withEntry();

describe("ends", () => {
  test("power-off terminates or stops as the template says, and lists say that the machine did it", async () => {
    const [id] = idsOf(await ec2().send(fleet({ count: 1 })));
    expect(await aws().powerOff(id!)).toBe("terminated");
    expect(await one(id!)).toMatchObject({
      State: { Name: "terminated" },
      StateReason: { Code: "Client.InstanceInitiatedShutdown" },
    });
    const fixed = await makeEntry(region, { template: { InstanceInitiatedShutdownBehavior: "stop" } });
    const { Instances } = await ec2().send(
      new RunInstancesCommand({
        LaunchTemplate: { LaunchTemplateId: fixed.template.id, Version: "1" },
        ...{ InstanceType: "c7g.large", MinCount: 1, MaxCount: 1 },
      }),
    );
    expect(await aws().powerOff(Instances![0]!.InstanceId!)).toBe("stopped");
    expect((await one(Instances![0]!.InstanceId!)).State!.Name).toBe("stopped");
  });

  test("an interrupted spot instance says so, and only a spot instance is interrupted", async () => {
    const [id, other] = idsOf(await ec2().send(fleet()));
    await aws().interruptSpot(id!);
    expect(await one(id!)).toMatchObject({
      State: { Name: "terminated" },
      StateReason: { Code: "Server.SpotInstanceTermination" },
    });
    await ec2().send(new TerminateInstancesCommand({ InstanceIds: [id!, other!] }));
    expect((await one(id!)).StateReason!.Code).toBe("Server.SpotInstanceTermination");
    expect((await one(other!)).StateReason!.Code).toBe("Client.UserInitiatedShutdown");
    const { Instances } = await ec2().send(
      new RunInstancesCommand({
        ImageId: "ami-12345678",
        MinCount: 1,
        MaxCount: 1,
        InstanceType: "c7g.large",
      }),
    );
    await expect(aws().interruptSpot(Instances![0]!.InstanceId!)).rejects.toThrow(/no spot instance/);
  });
});

describe("trouble", () => {
  test("dry runs tell whether the right is there and make nothing", async () => {
    const run = new RunInstancesCommand({
      LaunchTemplate: { LaunchTemplateId: entry().template.id, Version: "1" },
      ...{ InstanceType: "c7g.large", MinCount: 1, MaxCount: 1, DryRun: true },
    });
    const end = new TerminateInstancesCommand({ InstanceIds: ["i-0123456789abcdef0"], DryRun: true });
    for (const call of [fleet({ DryRun: true }), run, end])
      expect(await refused(ec2().send(call as typeof run))).toContain("412 DryRunOperation");
    for (const action of ["CreateFleet", "RunInstances", "TerminateInstances"]) aws().deny(action);
    for (const call of [fleet({ DryRun: true }), run, end])
      expect(await refused(ec2().send(call as typeof run))).toMatch(
        /^403 UnauthorizedOperation: .*perform: ec2:\w+ .*Encoded authorization failure message: \S+$/,
      );
    expect(await all()).toEqual([]);
    aws().allow("CreateFleet");
    const { Errors = [] } = await ec2().send(fleet({ types: ["c7g.large"], count: 1 }));
    expect(Errors).toMatchObject([{ ErrorCode: "UnauthorizedOperation" }]);
  });

  test("an empty bucket throttles, and other actions go on", async () => {
    aws().throttle("DescribeInstances", { tokens: 1 });
    await all();
    expect(await refused(all())).toContain("503 RequestLimitExceeded");
    expect(idsOf(await ec2().send(fleet()))).toHaveLength(2);
    aws().throttle("DescribeInstances", { tokens: 1 });
    expect(await all()).toHaveLength(2);
  });

  test("a lost answer is of a call that was done; a held one waits before it is done", async () => {
    aws().loseAnswers("CreateFleet");
    await expect(ec2().send(fleet())).rejects.toThrow();
    expect(await all()).toHaveLength(2);
    expect(idsOf(await ec2().send(fleet()))).toHaveLength(2);
    const hold = aws().hold("CreateFleet");
    const late = ec2().send(fleet({ ClientToken: "t2" }));
    await expect.poll(() => hold.held()).toBe(1);
    expect(await all()).toHaveLength(2);
    hold.release();
    await late;
    expect(await all()).toHaveLength(4);
  });

  test("lists lag by so many lists, or until the test says", async () => {
    aws().lagLists(2);
    const ids = idsOf(await ec2().send(fleet()));
    expect([(await all()).length, (await all()).length, (await all()).length]).toEqual([0, 0, 2]);
    aws().hide(ids.slice(1));
    expect((await all()).map(({ InstanceId }) => InstanceId)).toEqual(ids.slice(0, 1));
    const asked = new DescribeInstancesCommand({ InstanceIds: ids });
    expect(await refused(ec2().send(asked))).toContain("InvalidInstanceID.NotFound");
    aws().show(ids);
    expect(await all()).toHaveLength(2);
  });
});

test("health is what the test says, and filters find it; a console shows what the test wrote", async () => {
  const [id, other] = idsOf(await ec2().send(fleet()));
  const Filters = [{ Name: "system-status.status", Values: ["impaired"] }];
  const impaired = async () =>
    (await ec2().send(new DescribeInstanceStatusCommand({ Filters }))).InstanceStatuses?.map(
      ({ InstanceId }) => InstanceId,
    );
  expect(await impaired()).toEqual([]);
  aws().setStatus(id!, { system: "impaired" });
  expect(await impaired()).toEqual([id]);
  aws().setConsoleOutput(id!, "cloud-init: <done> & well");
  const output = async (of: string) =>
    (await ec2().send(new GetConsoleOutputCommand({ InstanceId: of }))).Output;
  expect(Buffer.from((await output(id!))!, "base64").toString()).toBe("cloud-init: <done> & well");
  expect(await output(other!)).toBeUndefined();
});

test("other services go through unchanged, and every call is counted", async () => {
  const s3 = new S3Client({ region, forcePathStyle: true });
  const Bucket = "somewhere";
  await s3.send(
    new CreateBucketCommand({ Bucket, CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  const Body = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 256));
  await s3.send(new PutObjectCommand({ Bucket, Key: "k", Body }));
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "k" }));
  expect(Buffer.from(await got.Body!.transformToByteArray()).equals(Body)).toBe(true);
  aws().resetCalls();
  await ec2().send(fleet());
  await all();
  await all();
  await s3.send(new GetObjectCommand({ Bucket, Key: "k" }));
  expect(aws().calls()).toEqual({ "ec2:CreateFleet": 1, "ec2:DescribeInstances": 2, "s3:GET": 1 });
});
