/**
 * Instance. moto takes of a launch template little more than the image, so the stand-in reads the version and passes
 * all of it along, as EC2 does. An image that is `resolve:ssm:...` stays this text: moto resolves none.
 */
import {
  DescribeInstancesCommand,
  ModifyInstanceAttributeCommand,
  RunInstancesCommand,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
  type BlockDeviceMapping,
  type EC2Client,
  type Instance,
  type RunInstancesCommandInput,
  type Tag,
  type TagSpecification,
} from "@aws-sdk/client-ec2";
import { canonical } from "../values.ts";
import {
  capital,
  ec2Of,
  flag,
  given,
  orNull,
  regionOf,
  tagList,
  text,
  texts,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKinds,
  type Props,
} from "./cloud.ts";
import { updateTags } from "./ec2.ts";
import { templateVersion } from "./launch-template.ts";

/** The rules of the real provider: what EC2 cannot change on a machine that exists. */
const replace = [
  "ami",
  "availabilityZone",
  "subnetId",
  "primaryNetworkInterface",
  "networkInterfaces",
  "privateIp",
  "ipv6Addresses",
  "ipv6AddressCount",
  "associatePublicIpAddress",
  "keyName",
  "tenancy",
  "placementGroup",
  "hostId",
  "hibernation",
  "enclaveOptions",
  "securityGroups",
  "ebsBlockDevices",
  "ephemeralBlockDevices",
  "instanceMarketOptions",
  "cpuOptions",
  // id, name and version: the machine would have to be made from another text.
  "launchTemplate",
];

/** Changed on a machine that stands still: it stops and starts, and stays the same machine. */
const needsStop = ["instanceType", "userData", "userDataBase64", "ebsOptimized"];

const replacesOf = (changed: readonly string[], news: Props): string[] => {
  const userData = news["userDataReplaceOnChange"] === true ? ["userData", "userDataBase64"] : [];
  return changed.filter((key) => [...replace, ...userData].includes(key));
};

/** Tags of the call win over those of the template, by type and name. */
const tagSpecifications = (call: Call, template: readonly TagSpecification[]): TagSpecification[] => {
  const merged = new Map<string, Map<string, string>>();
  const add = (type: string, tags: readonly Tag[]) => {
    const known = merged.get(type) ?? new Map<string, string>();
    for (const { Key, Value } of tags) known.set(Key!, Value!);
    merged.set(type, known);
  };
  for (const { ResourceType, Tags } of template) add(ResourceType!, Tags ?? []);
  add("instance", tagList(call.inputs["tags"]));
  if (call.inputs["volumeTags"]) add("volume", tagList(call.inputs["volumeTags"]));
  return [...merged]
    .filter(([type, tags]) => tags.size > 0 && type !== "network-interface")
    .map(([type, tags]) => ({
      ResourceType: type as "instance",
      Tags: [...tags].map(([Key, Value]) => ({ Key, Value })),
    }));
};

const rootDevice = (call: Call): BlockDeviceMapping[] | undefined => {
  const root = call.inputs["rootBlockDevice"] as Props | undefined;
  if (!root) return undefined;
  const { tags: _tags, tagsAll: _tagsAll, ...ebs } = root;
  return [{ DeviceName: "/dev/xvda", Ebs: capital(ebs) as NonNullable<BlockDeviceMapping["Ebs"]> }];
};

const encoded = (call: Call): string | undefined => {
  const plain = text(call, "userData");
  return plain === undefined ? text(call, "userDataBase64") : Buffer.from(plain).toString("base64");
};

const runInput = async (ec2: EC2Client, call: Call): Promise<RunInstancesCommandInput> => {
  const wanted = call.inputs["launchTemplate"] as Props | undefined;
  const template = wanted && (await templateVersion(ec2, wanted));
  const data = template?.data ?? {};
  const primary = call.inputs["primaryNetworkInterface"] as Props | undefined;
  const profile = text(call, "iamInstanceProfile");
  const metadata = capital(call.inputs["metadataOptions"]) ?? data.MetadataOptions;
  const placement = { AvailabilityZone: text(call, "availabilityZone") ?? data.Placement?.AvailabilityZone };
  return {
    MinCount: 1,
    MaxCount: 1,
    TagSpecifications: tagSpecifications(call, (data.TagSpecifications ?? []) as TagSpecification[]),
    ...given({
      LaunchTemplate: template && { LaunchTemplateId: template.id, Version: template.version },
      ImageId: text(call, "ami") ?? data.ImageId,
      InstanceType: (text(call, "instanceType") ?? data.InstanceType) as "t4g.nano" | undefined,
      UserData: encoded(call) ?? data.UserData,
      KeyName: text(call, "keyName") ?? data.KeyName,
      SubnetId: text(call, "subnetId"),
      PrivateIpAddress: text(call, "privateIp"),
      SecurityGroupIds: primary
        ? undefined
        : (texts(call, "vpcSecurityGroupIds") ?? (data.SecurityGroupIds as string[] | undefined)),
      NetworkInterfaces: primary && [
        { DeviceIndex: 0, NetworkInterfaceId: primary["networkInterfaceId"] as string },
      ],
      Placement: placement.AvailabilityZone === undefined ? undefined : placement,
      IamInstanceProfile: profile === undefined ? data.IamInstanceProfile : { Name: profile },
      MetadataOptions: metadata as NonNullable<RunInstancesCommandInput["MetadataOptions"]> | undefined,
      BlockDeviceMappings: rootDevice(call) ?? (data.BlockDeviceMappings as BlockDeviceMapping[] | undefined),
      InstanceInitiatedShutdownBehavior:
        (text(call, "instanceInitiatedShutdownBehavior") as "stop" | undefined) ??
        data.InstanceInitiatedShutdownBehavior,
      DisableApiTermination: flag(call, "disableApiTermination"),
    }),
  };
};

const find = async (ec2: EC2Client, id: string): Promise<Instance | null> => {
  const ask = new DescribeInstancesCommand({ InstanceIds: [id] });
  const found = (await orNull(() => ec2.send(ask)))?.Reservations?.[0]?.Instances?.[0];
  return !found || found.State?.Name === "terminated" ? null : found;
};

/** Outputs that an address of its own, made later, would change: the real provider shows the same of them. */
const networkOf = (instance: Instance) => {
  const { NetworkInterfaces: interfaces = [] } = instance;
  return {
    privateIp: instance.PrivateIpAddress,
    privateDns: instance.PrivateDnsName,
    publicIp: instance.PublicIpAddress ?? "",
    publicDns: instance.PublicDnsName ?? "",
    subnetId: instance.SubnetId,
    primaryNetworkInterfaceId: interfaces[0]?.NetworkInterfaceId,
    vpcSecurityGroupIds: (instance.SecurityGroups ?? []).map(({ GroupId }) => GroupId),
    availabilityZone: instance.Placement?.AvailabilityZone,
  };
};

const answers = [
  "arn",
  "ami",
  "instanceType",
  "instanceState",
  "privateIp",
  "privateDns",
  "publicIp",
  "publicDns",
  "subnetId",
  "primaryNetworkInterfaceId",
  "vpcSecurityGroupIds",
  "availabilityZone",
];

export const instanceKinds = (cloud: Cloud): CloudKinds => ({
  "aws:ec2/instance:Instance": {
    replace: (changed, _olds, news) => replacesOf(changed, news),
    answers,
    volatile: (changed) =>
      changed.some((key) => needsStop.includes(key)) ? ["publicIp", "publicDns", "instanceState"] : [],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(new RunInstancesCommand(await runInput(ec2, call)));
      return made.Instances![0]!.InstanceId!;
    },
    read: async (call) => {
      const instance = await find(await ec2Of(cloud, call), call.id);
      if (!instance) return null;
      return {
        arn: `arn:aws:ec2:${regionOf(cloud, call)}:${cloud.account}:instance/${call.id}`,
        ...(call.inputs["ami"] == null ? { ami: instance.ImageId } : {}),
        instanceType: instance.InstanceType,
        instanceState: instance.State?.Name,
        ...networkOf(instance),
      };
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const changed = (key: string) => canonical(call.olds[key]) !== canonical(call.inputs[key]);
      const InstanceIds = [call.id];
      const change = (what: object) =>
        ec2.send(new ModifyInstanceAttributeCommand({ InstanceId: call.id, ...what }));
      if (needsStop.some((key) => call.inputs[key] != null && changed(key))) {
        await ec2.send(new StopInstancesCommand({ InstanceIds }));
        const type = text(call, "instanceType");
        if (type && changed("instanceType")) await change({ InstanceType: { Value: type } });
        const userData = encoded(call);
        if (userData && (changed("userData") || changed("userDataBase64")))
          await change({ UserData: { Value: Buffer.from(userData) } });
        await ec2.send(new StartInstancesCommand({ InstanceIds }));
      }
      const groups = texts(call, "vpcSecurityGroupIds");
      if (groups && changed("vpcSecurityGroupIds")) await change({ Groups: groups });
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new TerminateInstancesCommand({ InstanceIds: [call.id] })));
    },
  },
});
