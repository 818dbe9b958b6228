/** What a machine keeps when it is replaced: NetworkInterface (its address), ebs Volume and VolumeAttachment. */
import {
  AttachVolumeCommand,
  CreateNetworkInterfaceCommand,
  CreateVolumeCommand,
  DeleteNetworkInterfaceCommand,
  DeleteVolumeCommand,
  DescribeNetworkInterfacesCommand,
  DescribeVolumesCommand,
  DetachVolumeCommand,
  ModifyNetworkInterfaceAttributeCommand,
  ModifyVolumeCommand,
} from "@aws-sdk/client-ec2";
import {
  ec2Of,
  flag,
  given,
  number,
  orNull,
  regionOf,
  text,
  texts,
  unlessGone,
  type Cloud,
  type CloudKinds,
} from "./cloud.ts";
import { tagsOf, updateTags } from "./ec2.ts";

export const volumeKinds = (cloud: Cloud): CloudKinds => ({
  "aws:ec2/networkInterface:NetworkInterface": {
    // Of its addresses the real provider changes the secondary ones in place; a primary one cannot change.
    replace: ["subnetId", "privateIp", "privateIps", "interfaceType"],
    answers: ["arn", "privateIp", "privateIps", "privateDnsName", "macAddress", "ownerId", "securityGroups"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateNetworkInterfaceCommand({
          SubnetId: text(call, "subnetId")!,
          ...given({
            Groups: texts(call, "securityGroups"),
            Description: text(call, "description"),
            PrivateIpAddress: text(call, "privateIp") ?? texts(call, "privateIps")?.[0],
          }),
          ...tagsOf(call, "network-interface"),
        }),
      );
      return made.NetworkInterface!.NetworkInterfaceId!;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const ask = new DescribeNetworkInterfacesCommand({ NetworkInterfaceIds: [call.id] });
      const found = (await orNull(() => ec2.send(ask)))?.NetworkInterfaces?.[0];
      if (!found) return null;
      return {
        arn: `arn:aws:ec2:${regionOf(cloud, call)}:${cloud.account}:network-interface/${call.id}`,
        privateIp: found.PrivateIpAddress,
        privateIps: found.PrivateIpAddresses?.map(({ PrivateIpAddress }) => PrivateIpAddress),
        privateDnsName: found.PrivateDnsName ?? "",
        macAddress: found.MacAddress,
        ownerId: found.OwnerId,
        securityGroups: found.Groups?.map(({ GroupId }) => GroupId),
      };
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const Groups = texts(call, "securityGroups");
      if (Groups)
        await ec2.send(new ModifyNetworkInterfaceAttributeCommand({ NetworkInterfaceId: call.id, Groups }));
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId: call.id })));
    },
  },

  "aws:ebs/volume:Volume": {
    replace: ["availabilityZone", "encrypted", "kmsKeyId", "snapshotId", "outpostArn", "multiAttachEnabled"],
    answers: ["arn", "size", "iops", "throughput", "type", "encrypted", "kmsKeyId", "createTime"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateVolumeCommand({
          AvailabilityZone: text(call, "availabilityZone")!,
          ...given({
            Size: number(call, "size"),
            VolumeType: text(call, "type") as "gp3" | undefined,
            Iops: number(call, "iops"),
            Throughput: number(call, "throughput"),
            Encrypted: flag(call, "encrypted"),
            KmsKeyId: text(call, "kmsKeyId"),
            SnapshotId: text(call, "snapshotId"),
          }),
          ...tagsOf(call, "volume"),
        }),
      );
      return made.VolumeId!;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const ask = new DescribeVolumesCommand({ VolumeIds: [call.id] });
      const found = (await orNull(() => ec2.send(ask)))?.Volumes?.[0];
      if (!found) return null;
      return {
        arn: `arn:aws:ec2:${regionOf(cloud, call)}:${cloud.account}:volume/${call.id}`,
        size: found.Size,
        iops: found.Iops ?? 0,
        throughput: found.Throughput ?? 0,
        type: found.VolumeType,
        encrypted: found.Encrypted,
        kmsKeyId: found.KmsKeyId ?? "",
        createTime: found.CreateTime?.toISOString(),
      };
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const Size = number(call, "size");
      if (Size !== undefined && Size !== call.olds["size"])
        await ec2.send(new ModifyVolumeCommand({ VolumeId: call.id, Size }));
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteVolumeCommand({ VolumeId: call.id })));
    },
  },

  "aws:ec2/volumeAttachment:VolumeAttachment": {
    replace: ["deviceName", "instanceId", "volumeId"],
    answers: [],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const [Device, InstanceId] = [text(call, "deviceName")!, text(call, "instanceId")!];
      const VolumeId = text(call, "volumeId")!;
      await ec2.send(new AttachVolumeCommand({ Device, InstanceId, VolumeId }));
      return `vai-${VolumeId.slice(4)}`;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const { volumeId, instanceId } = { ...call.olds, ...call.inputs } as Record<string, string>;
      const found = await orNull(() => ec2.send(new DescribeVolumesCommand({ VolumeIds: [volumeId!] })));
      const attached = found?.Volumes?.[0]?.Attachments?.some((one) => one.InstanceId === instanceId);
      return attached ? {} : null;
    },
    update: async () => {},
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const { volumeId, instanceId } = call.olds as Record<string, string>;
      await unlessGone(() =>
        ec2.send(new DetachVolumeCommand({ VolumeId: volumeId!, InstanceId: instanceId! })),
      );
    },
  },
});
