/** What EC2 is asked: what there is, and what it would do. */
import {
  DescribeAvailabilityZonesCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeInstanceStatusCommand,
  DescribeLaunchTemplateVersionsCommand,
  EC2Client,
  paginateDescribeInstanceTypeOfferings,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from "@aws-sdk/client-ec2";
import { roles, roleTag, stackTag } from "../../../aws-tags.ts";
import { type Asking, byRegion, orNull } from "./asking.ts";
import { type AwsPorts, AwsRefused, type ManagerMachine } from "./ports.ts";

type Ec2Ports = Pick<
  AwsPorts,
  "zones" | "offered" | "templateImage" | "imageState" | "tryLaunch" | "managers" | "checksOf"
>;

export const askEc2 = ({ common, asked }: Asking): Ec2Ports => {
  const ec2 = byRegion((region) => new EC2Client({ region, ...common }));
  return {
    zones: (region) =>
      asked(`DescribeAvailabilityZones in ${region}`, async (abortSignal) => {
        const { AvailabilityZones = [] } = await ec2(region).send(new DescribeAvailabilityZonesCommand({}), {
          abortSignal,
        });
        return AvailabilityZones.flatMap(({ ZoneName }) => ZoneName ?? []);
      }),
    offered: (region, types) =>
      asked(`DescribeInstanceTypeOfferings in ${region}`, async () => {
        const pages = paginateDescribeInstanceTypeOfferings(
          { client: ec2(region) },
          { LocationType: "availability-zone", Filters: [{ Name: "instance-type", Values: [...types] }] },
        );
        const found: { type: string; zone: string }[] = [];
        for await (const { InstanceTypeOfferings = [] } of pages)
          for (const { InstanceType: type, Location: zone } of InstanceTypeOfferings)
            if (type !== undefined && zone !== undefined) found.push({ type, zone });
        return found;
      }),
    templateImage: (region, { id, version }) =>
      asked(`DescribeLaunchTemplateVersions in ${region}`, async (abortSignal) => {
        const { LaunchTemplateVersions = [] } = await ec2(region).send(
          new DescribeLaunchTemplateVersionsCommand({
            LaunchTemplateId: id,
            Versions: [String(version)],
            ResolveAlias: true,
          }),
          { abortSignal },
        );
        const [found] = LaunchTemplateVersions;
        if (!found)
          throw new AwsRefused(
            "DescribeLaunchTemplateVersions",
            "InvalidLaunchTemplateId.VersionNotFound",
            `${id} has no version ${version}`,
          );
        return found.LaunchTemplateData?.ImageId ?? null;
      }),
    imageState: (region, id) =>
      asked(`DescribeImages in ${region}`, async (abortSignal) => {
        const found = await ec2(region)
          .send(new DescribeImagesCommand({ ImageIds: [id] }), { abortSignal })
          .catch(orNull(/^InvalidAMIID\./));
        return found?.Images?.[0]?.State ?? null;
      }),
    tryLaunch: (region, { template, type, subnet }) =>
      asked(`RunInstances (dry run) in ${region}`, async (abortSignal) => {
        const call = new RunInstancesCommand({
          DryRun: true,
          MinCount: 1,
          MaxCount: 1,
          LaunchTemplate: { LaunchTemplateId: template.id, Version: String(template.version) },
          InstanceType: type as NonNullable<RunInstancesCommandInput["InstanceType"]>,
          SubnetId: subnet,
        });
        await ec2(region)
          .send(call, { abortSignal })
          .catch(orNull(/^DryRunOperation$/));
      }),
    managers: (region, stack) =>
      asked(`DescribeInstances in ${region}`, async (abortSignal) => {
        const { Reservations = [] } = await ec2(region).send(
          new DescribeInstancesCommand({
            Filters: [
              { Name: `tag:${stackTag}`, Values: [stack] },
              { Name: `tag:${roleTag}`, Values: [roles.manager] },
              { Name: "instance-state-name", Values: ["pending", "running", "stopping", "stopped"] },
            ],
          }),
          { abortSignal },
        );
        return Reservations.flatMap(({ Instances = [] }) => Instances).map(
          ({ InstanceId, State, IamInstanceProfile, NetworkInterfaces = [] }): ManagerMachine => ({
            id: InstanceId ?? "",
            state: State?.Name ?? "unknown",
            profile: IamInstanceProfile?.Arn?.split("/").at(-1) ?? null,
            addresses: NetworkInterfaces.filter(({ Status }) => Status === "in-use").flatMap(
              ({ PrivateIpAddress, Association }) => [
                ...(PrivateIpAddress === undefined ? [] : [PrivateIpAddress]),
                ...(Association?.PublicIp === undefined ? [] : [Association.PublicIp]),
              ],
            ),
          }),
        );
      }),
    checksOf: (region, id) =>
      asked(`DescribeInstanceStatus in ${region}`, async (abortSignal) => {
        const { InstanceStatuses = [] } = await ec2(region).send(
          new DescribeInstanceStatusCommand({ InstanceIds: [id] }),
          { abortSignal },
        );
        const [found] = InstanceStatuses;
        if (!found) return null;
        const said = (one: { Status?: string | undefined } | undefined) => one?.Status ?? "unknown";
        return { instance: said(found.InstanceStatus), system: said(found.SystemStatus) };
      }),
  };
};
