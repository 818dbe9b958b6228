/** Networks: Vpc, Subnet, InternetGateway, EIPs, NAT gateways. */
import {
  AllocateAddressCommand,
  AssociateAddressCommand,
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateNatGatewayCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteInternetGatewayCommand,
  DeleteNatGatewayCommand,
  DeleteNetworkInterfaceCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeAddressesCommand,
  DescribeInternetGatewaysCommand,
  DescribeNatGatewaysCommand,
  DescribeNetworkAclsCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  DetachInternetGatewayCommand,
  DisassociateAddressCommand,
  ModifySubnetAttributeCommand,
  ModifyVpcAttributeCommand,
  ReleaseAddressCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";
import {
  ec2Of,
  flag,
  given,
  orNull,
  regionOf,
  text,
  unlessGone,
  type Cloud,
  type CloudKinds,
} from "./cloud.ts";
import type { Call } from "./cloud.ts";
import { tagsOf, updateTags } from "./ec2.ts";

const vpcAttributes = async (ec2: EC2Client, call: Call): Promise<void> => {
  // One attribute a call is all that the API takes.
  const [support, names] = [flag(call, "enableDnsSupport"), flag(call, "enableDnsHostnames")];
  const VpcId = call.id;
  if (support !== undefined)
    await ec2.send(new ModifyVpcAttributeCommand({ VpcId, EnableDnsSupport: { Value: support } }));
  if (names !== undefined)
    await ec2.send(new ModifyVpcAttributeCommand({ VpcId, EnableDnsHostnames: { Value: names } }));
};

const readVpc = async (ec2: EC2Client, id: string) => {
  const vpc = await orNull(async () => (await ec2.send(new DescribeVpcsCommand({ VpcIds: [id] }))).Vpcs?.[0]);
  if (!vpc) return null;
  const Filters = [{ Name: "vpc-id", Values: [id] }];
  const [tables, groups, acls] = await Promise.all([
    ec2.send(new DescribeRouteTablesCommand({ Filters })),
    ec2.send(new DescribeSecurityGroupsCommand({ Filters })),
    ec2.send(new DescribeNetworkAclsCommand({ Filters })),
  ]);
  const main = tables.RouteTables?.find((table) => table.Associations?.some(({ Main }) => Main));
  const group = groups.SecurityGroups?.find(({ GroupName }) => GroupName === "default");
  return {
    mainRouteTableId: main?.RouteTableId,
    defaultRouteTableId: main?.RouteTableId,
    defaultSecurityGroupId: group?.GroupId,
    defaultNetworkAclId: acls.NetworkAcls?.find(({ IsDefault }) => IsDefault)?.NetworkAclId,
    cidrBlock: vpc.CidrBlock,
    ownerId: vpc.OwnerId,
  };
};

const detachGateway = async (ec2: EC2Client, id: string, vpcId: string | undefined) => {
  if (vpcId === undefined) return;
  await unlessGone(() => ec2.send(new DetachInternetGatewayCommand({ InternetGatewayId: id, VpcId: vpcId })));
};

export const vpcKinds = (cloud: Cloud): CloudKinds => ({
  "aws:ec2/vpc:Vpc": {
    // The tenancy could go from dedicated to default; nobody needs that here.
    replace: ["cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"],
    answers: [
      "mainRouteTableId",
      "defaultRouteTableId",
      "defaultSecurityGroupId",
      "defaultNetworkAclId",
      "cidrBlock",
      "ownerId",
    ],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateVpcCommand({ CidrBlock: text(call, "cidrBlock")!, ...tagsOf(call, "vpc") }),
      );
      call.id = made.Vpc!.VpcId!;
      await vpcAttributes(ec2, call);
      return call.id;
    },
    read: async (call) => readVpc(await ec2Of(cloud, call), call.id),
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await vpcAttributes(ec2, call);
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteVpcCommand({ VpcId: call.id })));
    },
  },

  "aws:ec2/subnet:Subnet": {
    replace: ["vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native", "outpostArn"],
    answers: ["availabilityZone", "availabilityZoneId", "ownerId"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateSubnetCommand({
          VpcId: text(call, "vpcId")!,
          ...given({
            CidrBlock: text(call, "cidrBlock"),
            AvailabilityZone: text(call, "availabilityZone"),
          }),
          ...tagsOf(call, "subnet"),
        }),
      );
      call.id = made.Subnet!.SubnetId!;
      const open = flag(call, "mapPublicIpOnLaunch") ?? false;
      if (open)
        await ec2.send(
          new ModifySubnetAttributeCommand({ SubnetId: call.id, MapPublicIpOnLaunch: { Value: open } }),
        );
      return call.id;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const found = await orNull(() => ec2.send(new DescribeSubnetsCommand({ SubnetIds: [call.id] })));
      const subnet = found?.Subnets?.[0];
      if (!subnet) return null;
      return {
        availabilityZone: subnet.AvailabilityZone,
        availabilityZoneId: subnet.AvailabilityZoneId,
        ownerId: subnet.OwnerId,
      };
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const MapPublicIpOnLaunch = { Value: flag(call, "mapPublicIpOnLaunch") ?? false };
      await ec2.send(new ModifySubnetAttributeCommand({ SubnetId: call.id, MapPublicIpOnLaunch }));
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteSubnetCommand({ SubnetId: call.id })));
    },
  },

  "aws:ec2/internetGateway:InternetGateway": {
    answers: ["ownerId"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(new CreateInternetGatewayCommand(tagsOf(call, "internet-gateway")));
      const InternetGatewayId = made.InternetGateway!.InternetGatewayId!;
      const VpcId = text(call, "vpcId");
      if (VpcId) await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId, VpcId }));
      return InternetGatewayId;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const ask = new DescribeInternetGatewaysCommand({ InternetGatewayIds: [call.id] });
      const gateway = (await orNull(() => ec2.send(ask)))?.InternetGateways?.[0];
      return gateway ? { ownerId: gateway.OwnerId } : null;
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const [was, is] = [call.olds["vpcId"] as string | undefined, text(call, "vpcId")];
      if (was !== is) {
        await detachGateway(ec2, call.id, was);
        if (is) await ec2.send(new AttachInternetGatewayCommand({ InternetGatewayId: call.id, VpcId: is }));
      }
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await detachGateway(ec2, call.id, call.olds["vpcId"] as string | undefined);
      await unlessGone(() => ec2.send(new DeleteInternetGatewayCommand({ InternetGatewayId: call.id })));
    },
  },

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
