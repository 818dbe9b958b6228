/** Networks: Vpc, Subnet, InternetGateway. */
import {
  AttachInternetGatewayCommand,
  CreateInternetGatewayCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DeleteInternetGatewayCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeInternetGatewaysCommand,
  DescribeNetworkAclsCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  DetachInternetGatewayCommand,
  ModifySubnetAttributeCommand,
  ModifyVpcAttributeCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";
import {
  ec2Of,
  flag,
  given,
  orNull,
  text,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKinds,
} from "./cloud.ts";
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
});
