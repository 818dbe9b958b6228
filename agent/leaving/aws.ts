/** AWS as leaving sees it, through the SDK. */
import {
  DeleteNetworkInterfaceCommand,
  DeleteVolumeCommand,
  EC2Client,
  paginateDescribeInstances,
  paginateDescribeNetworkInterfaces,
  paginateDescribeVolumes,
  TerminateInstancesCommand,
  type Tag,
} from "@aws-sdk/client-ec2";
import { DeleteObjectCommand, GetObjectCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { poolTag, roleTag, stackTag } from "../aws-tags.ts";
import { asked, client, named } from "./deployer.ts";
import type { Bucket, LeavingDeps, Leftover, Machine, Region } from "./ports.ts";

const since = (date: Date | undefined) => (date === undefined ? {} : { sinceMs: date.getTime() });

const tagOf = (tags: readonly Tag[] | undefined, key: string): string | null =>
  tags?.find(({ Key }) => Key === key)?.Value ?? null;

/** @param pageSize of lists; the largest that EC2 gives */
export const awsRegion = (name: string, stack: string, pageSize = 1_000): Region => {
  const ec2 = new EC2Client(client(name));
  const ours = { Name: `tag:${stackTag}`, Values: [stack] };
  // What the program made has a role, or no pool: the manager's volume and interface are Pulumi's to delete.
  const launched = [ours, { Name: "tag-key", Values: [poolTag] }];
  const pages = { client: ec2, pageSize };
  const isLaunched = (tags: readonly Tag[] | undefined) => tagOf(tags, roleTag) === null;

  return {
    name,
    machines: () =>
      asked(`listing machines in ${name}`, async () => {
        const found: Machine[] = [];
        const states = ["pending", "running", "shutting-down", "stopping", "stopped"];
        const Filters = [ours, { Name: "instance-state-name", Values: states }];
        for await (const { Reservations = [] } of paginateDescribeInstances(pages, { Filters }))
          for (const { InstanceId: id, State, Tags, LaunchTime } of Reservations.flatMap(
            ({ Instances = [] }) => Instances,
          ))
            if (id !== undefined && isLaunched(Tags))
              found.push({
                id,
                state: State?.Name ?? "unknown",
                pool: tagOf(Tags, poolTag),
                ...since(LaunchTime),
              });
        return found;
      }),
    terminate: (ids) =>
      asked(`ending machines in ${name}`, async () => {
        await ec2
          .send(new TerminateInstancesCommand({ InstanceIds: [...ids] }))
          .catch(unless(/InvalidInstanceID\.NotFound/, ids.length === 1));
      }),
    leftovers: () =>
      asked(`listing volumes and interfaces in ${name}`, async () => {
        const found: Leftover[] = [];
        for await (const { Volumes = [] } of paginateDescribeVolumes(pages, { Filters: launched }))
          for (const { VolumeId: id, State, Tags, CreateTime } of Volumes)
            if (id !== undefined && isLaunched(Tags) && State !== "deleting" && State !== "deleted")
              found.push({ id, kind: "volume", free: State === "available", ...since(CreateTime) });
        for await (const { NetworkInterfaces = [] } of paginateDescribeNetworkInterfaces(pages, {
          Filters: launched,
        }))
          for (const { NetworkInterfaceId: id, Status, TagSet, Attachment } of NetworkInterfaces)
            if (id !== undefined && isLaunched(TagSet))
              found.push({
                id,
                kind: "network interface",
                free: Status === "available",
                ...since(Attachment?.AttachTime),
              });
        return found;
      }),
    remove: ({ id, kind }) =>
      asked(`removing ${id}`, async () => {
        const call =
          kind === "volume"
            ? ec2.send(new DeleteVolumeCommand({ VolumeId: id }))
            : ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: id }));
        await call.catch(unless(/Invalid(Volume|NetworkInterfaceID)\.NotFound/));
      }),
  };
};

/** Swallows an error of that name. */
const unless =
  (pattern: RegExp, holds = true) =>
  (error: unknown): void => {
    if (!holds || !named(error, pattern)) throw error;
  };

export const awsBucket = (name: string, region: string): Bucket => {
  const s3 = new S3Client(client(region));
  const gone = /^(NoSuchKey|NoSuchBucket|NotFound)$/;
  return {
    read: (Key) =>
      asked(`reading s3://${name}/${Key}`, async () => {
        try {
          const { Body } = await s3.send(new GetObjectCommand({ Bucket: name, Key }));
          return (await Body?.transformToString()) ?? "";
        } catch (error) {
          if (named(error, gone)) return null;
          throw error;
        }
      }),
    write: (Key, Body) =>
      asked(`writing s3://${name}/${Key}`, async () => {
        await s3.send(new PutObjectCommand({ Bucket: name, Key, Body, ContentType: "application/json" }));
      }),
    remove: (Key) =>
      asked(`deleting s3://${name}/${Key}`, async () => {
        await s3.send(new DeleteObjectCommand({ Bucket: name, Key })).catch(unless(gone));
      }),
  };
};

/** Values of SSM parameters, each by itself so that the error names the one that cannot be read. */
export const awsSecrets: LeavingDeps["secrets"] = async (names, region) => {
  const ssm = new SSMClient(client(region));
  const entries = Object.entries(names).map(([secret, Name]) =>
    asked(`reading the parameter ${Name}`, async () => {
      const { Parameter } = await ssm.send(new GetParameterCommand({ Name, WithDecryption: true }));
      return [secret, Parameter?.Value ?? ""] as const;
    }),
  );
  return Object.fromEntries(await Promise.all(entries));
};
