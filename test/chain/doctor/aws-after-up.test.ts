/** The doctor's look at what an `up` made, as it goes over the wire. */
import {
  CreateLaunchTemplateCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSubnetsCommand,
  EC2Client,
  RunInstancesCommand,
  StopInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  AddRoleToInstanceProfileCommand,
  CreateInstanceProfileCommand,
  CreateRoleCommand,
  IAMClient,
} from "@aws-sdk/client-iam";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { connectAws } from "../../../agent/cli/doctor/aws/sdk.ts";
import { realDeps } from "../../../agent/manager/deps.ts";
import { currentKey, statusKey } from "../../../agent/manager-host.ts";
import {
  backend,
  bucket,
  currentText,
  exported,
  stack,
  status,
} from "../../agent/cli/doctor/aws/deployed.ts";
import { lookAtAws } from "../../agent/cli/doctor/aws/rig.ts";
import { withAws } from "../with-aws.ts";
import { startFront, type Front } from "../../clouds/front.ts";

const region = "eu-central-1";
const there = withAws();
let front: Front;
beforeAll(async () => {
  front = await startFront(there().url);
  vi.stubEnv("AWS_ENDPOINT_URL", front.url);
});
afterAll(() => front.stop());
beforeEach(async () => {
  await there().reset();
  front.refusals.clear();
  front.launches.clear();
  front.judge = () => true;
  front.calls.length = 0;
});

const ec2 = () => new EC2Client({ region });
const ids = ["templates", "manager-rights", "manager-machine"] as const;
const aws = () => connectAws(region, { ...realDeps(pino({ level: "silent" })), env: process.env });
const look = (wanted: readonly (typeof ids)[number][] = ids) =>
  lookAtAws(wanted, { aws: aws(), pulumi: { exported } });

/** What an `up` makes. @param image of the template; left out: one that is there */
const bringUp = async (image?: string) => {
  const { Subnets = [] } = await ec2().send(new DescribeSubnetsCommand({}));
  const { Images = [] } = await ec2().send(new DescribeImagesCommand({ Owners: ["amazon"] }));
  const { LaunchTemplate } = await ec2().send(
    new CreateLaunchTemplateCommand({
      LaunchTemplateName: "muster-dev-arm64",
      LaunchTemplateData: { ImageId: image ?? Images[0]!.ImageId! },
    }),
  );
  const iam = new IAMClient({ region });
  const name = "muster-dev-manager";
  await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument: "{}" }));
  await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: name }));
  await iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName: name, RoleName: name }));
  const tags = { "muster:stack": stack, "muster:role": "manager" };
  const { Instances = [] } = await ec2().send(
    new RunInstancesCommand({
      ImageId: Images[0]!.ImageId!,
      InstanceType: "t4g.nano",
      MinCount: 1,
      MaxCount: 1,
      IamInstanceProfile: { Name: name },
      TagSpecifications: [
        { ResourceType: "instance", Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) },
      ],
    }),
  );
  const id = Instances[0]!.InstanceId!;
  const { Reservations = [] } = await ec2().send(new DescribeInstancesCommand({ InstanceIds: [id] }));
  const address = Reservations[0]!.Instances![0]!.PrivateIpAddress!;
  const subnets = Subnets.slice(0, 2).map(({ SubnetId, AvailabilityZone }) => ({
    id: SubnetId!,
    zone: AvailabilityZone!,
  }));
  const entry = backend({ template: { id: LaunchTemplate!.LaunchTemplateId!, version: 1 }, subnets });
  const s3 = new S3Client({ region, forcePathStyle: true });
  await s3.send(
    new CreateBucketCommand({ Bucket: bucket, CreateBucketConfiguration: { LocationConstraint: region } }),
  );
  const put = (Key: string, Body: string) => s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body }));
  await put(currentKey, currentText({ arm64: [entry] }, [address]));
  await put(statusKey, JSON.stringify(status()));
  return { id, entry, subnets, put };
};

test("a stack that is up and well has no blocker and no warning, and nothing was launched for it", async () => {
  const { id, entry } = await bringUp();
  const before = await ec2().send(new DescribeInstancesCommand({}));
  front.calls.length = 0;
  const { text, levels } = await look();
  const calls = [...front.calls];
  expect([...new Set(levels)], text.join("\n")).toEqual(["ok"]);
  expect(text.map((line) => line.split(":")[0])).toEqual([
    "ok templates",
    "ok manager-rights",
    "ok manager-machine",
    "ok manager-machine",
  ]);
  expect(text[0]).toContain(`template ${entry.template.id} version 1, image ami-`);
  expect(text[2]).toContain(`${id} runs, EC2's checks are passed`);
  const after = await ec2().send(new DescribeInstancesCommand({}));
  expect(after.Reservations!.length).toBe(before.Reservations!.length);
  const asks = /^(Describe|Get|Simulate)|^GET |^RunInstances \(dry run\)$/;
  expect(calls.filter((call) => !asks.test(call))).toEqual([]);
  expect(calls).toContain("RunInstances (dry run)");
});

test("a template whose image is gone is a blocker", async () => {
  await bringUp("ami-0123456789abcdef0");
  const gone = await look(["templates"]);
  expect(gone.text.join()).toMatch(/^blocker templates: .*the image ami-0123456789abcdef0 does not exist/);
});

test("what a dry run is refused with is told, of one zone as a warning, of all as a blocker", async () => {
  const { entry, subnets } = await bringUp();
  front.launches.set(subnets[1]!.id, { code: "Unsupported", message: "c8g.xlarge is not supported there" });
  expect((await look(["templates"])).text.join()).toMatch(
    /^warning templates: .*EC2 would not launch c8g\.xlarge in .*: Unsupported: c8g\.xlarge is not supported there/,
  );
  front.launches.set(entry.template.id, { code: "InvalidGroup.NotFound", message: "sg-1 does not exist" });
  expect((await look(["templates"])).text.join()).toMatch(
    /^blocker templates: .*InvalidGroup\.NotFound: sg-1/,
  );
});

test("a template whose image's parameter is gone is a blocker, until it is there again", async () => {
  const parameter = "/acme/golden";
  await bringUp(`resolve:ssm:${parameter}`);
  expect((await look(["templates"])).text.join()).toMatch(
    /^blocker templates: .*SsmInvalidParameter: The parameter \/acme\/golden does not exist/,
  );
  there().setImage(parameter, "ami-12345678");
  expect((await look(["templates"])).text.join()).toMatch(/^ok templates: /);
});

test("launches that whoever asks may not do are a warning that names the action", async () => {
  await bringUp();
  there().deny("RunInstances");
  const { text } = await look(["templates"]);
  expect(text.join()).toMatch(
    /^warning templates: .*cannot be tried by these credentials: UnauthorizedOperation: ec2:RunInstances is denied/,
  );
  expect(text.join()).not.toContain("Encoded");
});

test("a manager's machine on a broken host is a blocker", async () => {
  const { id } = await bringUp();
  there().setStatus(id, { system: "impaired" });
  expect((await look(["manager-machine"])).text.join()).toMatch(
    new RegExp(`^blocker manager-machine: ${id}: EC2's system status check fails`),
  );
});

test("a template that was deleted is a blocker", async () => {
  const { put, entry } = await bringUp();
  await put(
    currentKey,
    currentText({ arm64: [{ ...entry, template: { ...entry.template, version: 7 } }] }, []),
  );
  expect((await look(["templates"])).text.join()).toMatch(/^blocker templates: .*VersionNotFound/);
  await put(
    currentKey,
    currentText({ arm64: [{ ...entry, template: { id: "lt-0123456789abcdef0", version: 1 } }] }, []),
  );
  expect((await look(["templates"])).text.join()).toMatch(
    /^blocker templates: .*InvalidLaunchTemplateId\.NotFound/,
  );
});

test("a right that the manager's role lacks is a blocker, asked of the role and not of whoever asks", async () => {
  await bringUp();
  const sources = new Set<string>();
  front.judge = ({ source, action }) => {
    sources.add(source);
    return action !== "ec2:CreateTags";
  };
  expect((await look(["manager-rights"])).text.join()).toMatch(
    /^blocker manager-rights: the manager's role muster-dev-manager may not: ec2:CreateTags on fleet, instance/,
  );
  expect([...sources]).toEqual(["arn:aws:iam::123456789012:role/muster-dev-manager"]);
});

test("a manager's machine that stands still is a blocker, and so is one that is not there", async () => {
  const { id } = await bringUp();
  await ec2().send(new StopInstancesCommand({ InstanceIds: [id] }));
  expect((await look(["manager-machine"])).text.join()).toMatch(
    new RegExp(`^blocker manager-machine: ${id} is stopped`),
  );
  await there().reset();
  const { text } = await look();
  expect(text.join()).toMatch(/skipped templates: not looked at: up has not left settings for the manager/);
});
