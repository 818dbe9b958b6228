/** Addresses in the internet: Eip, EipAssociation, and NatGateway, which has one for others. */
import {
  AllocateAddressCommand,
  AssociateAddressCommand,
  CreateNatGatewayCommand,
  DeleteNatGatewayCommand,
  DeleteNetworkInterfaceCommand,
  DescribeAddressesCommand,
  DescribeNatGatewaysCommand,
  DisassociateAddressCommand,
  ReleaseAddressCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";
import {
  ec2Of,
  given,
  orNull,
  regionOf,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKinds,
} from "./cloud.ts";
import { tagsOf, updateTags } from "./ec2.ts";

const associate = async (ec2: EC2Client, call: Call): Promise<void> => {
  const [instance, networkInterface] = [text(call, "instance"), text(call, "networkInterface")];
  if (!instance && !networkInterface) return;
  await ec2.send(
    new AssociateAddressCommand({
      AllocationId: call.id,
      ...given({ InstanceId: instance, NetworkInterfaceId: networkInterface }),
    }),
  );
};

const disassociate = async (ec2: EC2Client, associationId: unknown): Promise<void> => {
  if (typeof associationId !== "string" || associationId === "") return;
  await unlessGone(() => ec2.send(new DisassociateAddressCommand({ AssociationId: associationId })));
};

export const addressKinds = (cloud: Cloud): CloudKinds => ({
  "aws:ec2/eip:Eip": {
    replace: ["domain", "address", "publicIpv4Pool", "networkBorderGroup", "customerOwnedIpv4Pool"],
    answers: ["allocationId", "publicIp", "publicDns", "domain", "associationId", "privateIp"],
    volatile: ["associationId", "privateIp"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new AllocateAddressCommand({ Domain: "vpc", ...tagsOf(call, "elastic-ip") }),
      );
      call.id = made.AllocationId!;
      await associate(ec2, call);
      return call.id;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const ask = new DescribeAddressesCommand({ AllocationIds: [call.id] });
      const address = (await orNull(() => ec2.send(ask)))?.Addresses?.[0];
      if (!address) return null;
      const host = address.PublicIp?.replaceAll(".", "-");
      return {
        allocationId: call.id,
        publicIp: address.PublicIp,
        publicDns: `ec2-${host}.${regionOf(cloud, call)}.compute.amazonaws.com`,
        domain: "vpc",
        associationId: address.AssociationId ?? "",
        privateIp: address.PrivateIpAddress ?? "",
      };
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const moved = ["instance", "networkInterface", "associateWithPrivateIp"].some(
        (key) => call.olds[key] !== call.inputs[key],
      );
      if (moved) {
        await disassociate(ec2, call.olds["associationId"]);
        await associate(ec2, call);
      }
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await disassociate(ec2, call.olds["associationId"]);
      await unlessGone(() => ec2.send(new ReleaseAddressCommand({ AllocationId: call.id })));
    },
  },

  "aws:ec2/eipAssociation:EipAssociation": {
    replace: ["allocationId", "instanceId", "networkInterfaceId", "privateIpAddress", "publicIp"],
    answers: ["publicIp", "instanceId", "networkInterfaceId", "privateIpAddress"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new AssociateAddressCommand(
          given({
            AllocationId: text(call, "allocationId"),
            InstanceId: text(call, "instanceId"),
            NetworkInterfaceId: text(call, "networkInterfaceId"),
          }),
        ),
      );
      return made.AssociationId!;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const Filters = [{ Name: "association-id", Values: [call.id] }];
      const address = (await ec2.send(new DescribeAddressesCommand({ Filters }))).Addresses?.[0];
      if (!address) return null;
      return {
        publicIp: address.PublicIp,
        instanceId: address.InstanceId ?? "",
        networkInterfaceId: address.NetworkInterfaceId ?? "",
        privateIpAddress: address.PrivateIpAddress ?? "",
      };
    },
    delete: async (call) => disassociate(await ec2Of(cloud, call), call.id),
  },

  "aws:ec2/natGateway:NatGateway": {
    replace: ["allocationId", "subnetId", "connectivityType", "privateIp", "vpcId"],
    answers: ["publicIp", "privateIp", "networkInterfaceId", "associationId"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateNatGatewayCommand({
          SubnetId: text(call, "subnetId")!,
          ...given({ AllocationId: text(call, "allocationId") }),
          ...tagsOf(call, "natgateway"),
        }),
      );
      return made.NatGateway!.NatGatewayId!;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const ask = new DescribeNatGatewaysCommand({ NatGatewayIds: [call.id] });
      const gateway = (await orNull(() => ec2.send(ask)))?.NatGateways?.[0];
      if (!gateway || gateway.State === "deleted") return null;
      const address = gateway.NatGatewayAddresses?.[0];
      return {
        publicIp: address?.PublicIp ?? "",
        privateIp: address?.PrivateIp ?? "",
        networkInterfaceId: address?.NetworkInterfaceId ?? "",
        associationId: address?.AssociationId ?? "",
      };
    },
    update: async (call) => updateTags(await ec2Of(cloud, call), call),
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteNatGatewayCommand({ NatGatewayId: call.id })));
      // Its interface goes with it; moto leaves it.
      const NetworkInterfaceId = call.olds["networkInterfaceId"] as string;
      await unlessGone(() => ec2.send(new DeleteNetworkInterfaceCommand({ NetworkInterfaceId })));
    },
  },
});
