/** What surrounds a stack that leaves: machines launched by tag, what stands at GitHub, a manager dead or alive. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import {
  DescribeInstancesCommand,
  EC2Client,
  RunInstancesCommand,
  TerminateInstancesCommand,
} from "@aws-sdk/client-ec2";
import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListBucketsCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { DeleteParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { poolTag, roles, roleTag, stackTag } from "../../../agent/aws-tags.ts";
import { drainingKey, statusKey, type HostStatus } from "../../../agent/manager-host.ts";
import { Client } from "../../github/testing/client.ts";
import { playManager } from "./played-manager.ts";
import type { AwsRig } from "./rig.ts";

const region = "eu-central-1";
export const ours = "muster/dev";
export const others = "muster/other";
export const setName = "muster-dev-arm64";

export const leavingWorld = (rig: AwsRig) => {
  const options = {
    region,
    endpoint: rig.moto.url,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const [ec2, ssm, s3] = [
    new EC2Client(options),
    new SSMClient(options),
    new S3Client({ ...options, forcePathStyle: true }),
  ];
  const bucket = async () => {
    const { Buckets = [] } = await s3.send(new ListBucketsCommand());
    return Buckets.find(({ Name }) => Name!.startsWith("muster-dev-manager"))!.Name!;
  };
  const read = async (key: string): Promise<string | null> => {
    const answer = await s3
      .send(new GetObjectCommand({ Bucket: await bucket(), Key: key }))
      .catch((error: Error) => {
        if (error.name === "NoSuchKey") return null;
        throw error;
      });
    return answer === null ? null : answer.Body!.transformToString();
  };
  const alive = async (tags: Record<string, string>): Promise<string[]> => {
    const Filters = [
      ...Object.entries(tags).map(([tag, value]) => ({ Name: `tag:${tag}`, Values: [value] })),
      { Name: "instance-state-name", Values: ["pending", "running"] },
    ];
    const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
    return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId!));
  };
  const end = (ids: string[]) => ec2.send(new TerminateInstancesCommand({ InstanceIds: ids }));

  return {
    /** In the stack's subnet where it has one. */
    launch: async (stack: string, count: number, pool = "arm64"): Promise<string[]> => {
      const { resources } = await rig.state();
      const subnet = stack === ours ? resources.find(({ type }) => type === "aws:ec2/subnet:Subnet") : null;
      const tags = { [stackTag]: stack, [poolTag]: pool };
      const { Instances = [] } = await ec2.send(
        new RunInstancesCommand({
          ImageId: "ami-12345678",
          InstanceType: "c7g.large",
          MinCount: count,
          MaxCount: count,
          ...(subnet && { SubnetId: subnet.id! }),
          TagSpecifications: [
            {
              ResourceType: "instance",
              Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
            },
          ],
        }),
      );
      return Instances.map(({ InstanceId }) => InstanceId!);
    },
    /** How many of the stack's machines run; its manager's is none of them. */
    running: async (stack: string, pool = "arm64") =>
      (await alive({ [stackTag]: stack, [poolTag]: pool })).length,
    endPool: async (pool: string) => void (await end(await alive({ [stackTag]: ours, [poolTag]: pool }))),
    /** The stack's scale set with a runner, and one of somebody else. */
    fillGitHub: async () => {
      const client = await new Client(rig.github, rig.github.organizationUrl).login();
      await client.createSet("muster-other-arm64", ["self-hosted", "other"]);
      await client.createSet(setName, ["self-hosted", "dev"]);
      await client.mint("arm64-1");
    },
    clearGitHub: () => {
      for (const { id } of rig.github.control.runners()) rig.github.control.removeRunner(id);
      for (const { id } of rig.github.control.scaleSets()) rig.github.control.deleteScaleSet(id);
    },
    /** Names of what is there. */
    atGitHub: () =>
      [...rig.github.control.scaleSets(), ...rig.github.control.runners()].map(({ name }) => name),
    /** The manager said something so long ago, and never again. */
    wroteStatus: async (ageMs = 0) => {
      const at = new Date(Date.now() - ageMs).toISOString();
      const status: HostStatus = {
        at,
        manager: null,
        healthy: true,
        refused: null,
        drain: null,
        problem: null,
      };
      const Body = JSON.stringify(status);
      await s3.send(new PutObjectCommand({ Bucket: await bucket(), Key: statusKey, Body }));
    },
    order: () => read(drainingKey),
    dropOrder: async () =>
      void (await s3.send(new DeleteObjectCommand({ Bucket: await bucket(), Key: drainingKey }))),
    /** It waits for the stack's machines of the pool arm64. */
    playManager: async () =>
      playManager(await bucket(), ours, {
        alive: () => alive({ [stackTag]: ours, [poolTag]: "arm64" }),
        end,
      }),
    /** What an administrator may do at night: bucket, credential and the manager's machine are gone. */
    breakEverything: async () => {
      const Bucket = await bucket();
      const { Versions = [], DeleteMarkers = [] } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
      for (const { Key, VersionId } of [...Versions, ...DeleteMarkers])
        await s3.send(new DeleteObjectCommand({ Bucket, Key: Key!, VersionId: VersionId! }));
      await s3.send(new DeleteBucketCommand({ Bucket }));
      await ssm.send(new DeleteParameterCommand({ Name: "/muster-dev/secrets/githubToken" }));
      await end(await alive({ [stackTag]: ours, [roleTag]: roles.manager }));
    },
    /** Pulumi gets the signal as soon as it has written such a line; its exit code and output. */
    interrupt: (command: string, signal: NodeJS.Signals, at: RegExp) =>
      new Promise<{ code: number | null; output: string }>((resolve, reject) => {
        const args = [command, "--yes", "--stack", "dev", "--non-interactive"];
        const child = spawn("pulumi", args, { cwd: rig.root, env: rig.env });
        let output = "";
        // A second SIGINT would end Pulumi at once, and leave its lock.
        let sent = false;
        for (const stream of [child.stdout, child.stderr])
          createInterface({ input: stream }).on("line", (line) => {
            output += `${line}\n`;
            if (!sent && at.test(line)) sent = child.kill(signal);
          });
        child.on("error", reject);
        child.on("close", (code) => resolve({ code, output }));
      }),
  };
};
export type LeavingWorld = ReturnType<typeof leavingWorld>;

/** Where in Pulumi's output each of them stands; in this order, when the numbers rise. */
export const places = (output: string, ...lines: RegExp[]): number[] => {
  const all = output.split("\n");
  return lines.map((line) => {
    const at = all.findIndex((one) => line.test(one));
    if (at === -1) throw new Error(`nowhere ${line}:\n${output}`);
    return at;
  });
};
