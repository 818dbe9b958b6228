/** Everything that moto holds of the kinds that muster makes or could leave behind, one line an object. */
import {
  DescribeAddressesCommand,
  DescribeFleetsCommand,
  DescribeInstancesCommand,
  DescribeInternetGatewaysCommand,
  DescribeLaunchTemplatesCommand,
  DescribeNatGatewaysCommand,
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSpotInstanceRequestsCommand,
  DescribeSubnetsCommand,
  DescribeVolumesCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcPeeringConnectionsCommand,
  DescribeVpcsCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import { CloudWatchClient, DescribeAlarmsCommand, ListDashboardsCommand } from "@aws-sdk/client-cloudwatch";
import { CloudWatchLogsClient, DescribeLogGroupsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { IAMClient, ListInstanceProfilesCommand, ListRolesCommand } from "@aws-sdk/client-iam";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { ListSubscriptionsCommand, ListTopicsCommand, SNSClient } from "@aws-sdk/client-sns";
import { DescribeParametersCommand, SSMClient } from "@aws-sdk/client-ssm";

type Ids = readonly (string | undefined)[] | undefined;

const instances = async (ec2: EC2Client) =>
  (await ec2.send(new DescribeInstancesCommand())).Reservations?.flatMap((one) => one.Instances ?? [])
    .filter(({ State }) => State?.Name !== "terminated")
    .map(({ InstanceId }) => InstanceId);

const ec2Kinds: Record<string, (ec2: EC2Client) => Promise<Ids>> = {
  vpc: async (ec2) => (await ec2.send(new DescribeVpcsCommand())).Vpcs?.map(({ VpcId }) => VpcId),
  subnet: async (ec2) =>
    (await ec2.send(new DescribeSubnetsCommand())).Subnets?.map(({ SubnetId }) => SubnetId),
  "internet-gateway": async (ec2) =>
    (await ec2.send(new DescribeInternetGatewaysCommand())).InternetGateways?.map(
      ({ InternetGatewayId }) => InternetGatewayId,
    ),
  "nat-gateway": async (ec2) =>
    (await ec2.send(new DescribeNatGatewaysCommand())).NatGateways?.filter(
      ({ State }) => State !== "deleted",
    ).map(({ NatGatewayId }) => NatGatewayId),
  address: async (ec2) =>
    (await ec2.send(new DescribeAddressesCommand())).Addresses?.map(({ AllocationId }) => AllocationId),
  "route-table": async (ec2) =>
    (await ec2.send(new DescribeRouteTablesCommand())).RouteTables?.map(({ RouteTableId }) => RouteTableId),
  "vpc-endpoint": async (ec2) =>
    (await ec2.send(new DescribeVpcEndpointsCommand())).VpcEndpoints?.filter(
      ({ State }) => !/deleted/i.test(String(State)),
    ).map(({ VpcEndpointId }) => VpcEndpointId),
  peering: async (ec2) =>
    (await ec2.send(new DescribeVpcPeeringConnectionsCommand())).VpcPeeringConnections?.filter(
      ({ Status }) => Status?.Code !== "deleted",
    ).map(({ VpcPeeringConnectionId }) => VpcPeeringConnectionId),
  "security-group": async (ec2) =>
    (await ec2.send(new DescribeSecurityGroupsCommand())).SecurityGroups?.map(({ GroupId }) => GroupId),
  "launch-template": async (ec2) =>
    (await ec2.send(new DescribeLaunchTemplatesCommand())).LaunchTemplates?.map(
      ({ LaunchTemplateId }) => LaunchTemplateId,
    ),
  instance: instances,
  // AWS deletes a machine's own interface with it; moto leaves it attached to what is no more.
  "network-interface": async (ec2) => {
    const alive = new Set(await instances(ec2));
    const found = (await ec2.send(new DescribeNetworkInterfacesCommand())).NetworkInterfaces;
    return found
      ?.filter(({ Attachment: { InstanceId } = {} }) => InstanceId === undefined || alive.has(InstanceId))
      .map(({ NetworkInterfaceId }) => NetworkInterfaceId);
  },
  volume: async (ec2) =>
    (await ec2.send(new DescribeVolumesCommand())).Volumes?.map(({ VolumeId }) => VolumeId),
  fleet: async (ec2) =>
    (await ec2.send(new DescribeFleetsCommand())).Fleets?.filter(
      ({ FleetState, Type }) => Type !== "instant" && !/^deleted/.test(String(FleetState)),
    ).map(({ FleetId }) => FleetId),
  "spot-request": async (ec2) =>
    (await ec2.send(new DescribeSpotInstanceRequestsCommand())).SpotInstanceRequests?.filter(
      ({ State }) => State === "active" || State === "open",
    ).map(({ SpotInstanceRequestId }) => SpotInstanceRequestId),
};

const regional = async (endpoint: string, region: string): Promise<string[]> => {
  const options = { endpoint, region, credentials: { accessKeyId: "test", secretAccessKey: "test" } };
  const ec2 = new EC2Client(options);
  const watch = new CloudWatchClient(options);
  const logs = new CloudWatchLogsClient(options);
  const sns = new SNSClient(options);
  const ssm = new SSMClient(options);
  const kinds: Record<string, () => Promise<Ids>> = {
    ...Object.fromEntries(Object.entries(ec2Kinds).map(([kind, list]) => [kind, () => list(ec2)])),
    alarm: async () =>
      (await watch.send(new DescribeAlarmsCommand())).MetricAlarms?.map(({ AlarmName }) => AlarmName),
    dashboard: async () =>
      (await watch.send(new ListDashboardsCommand())).DashboardEntries?.map(
        ({ DashboardName }) => DashboardName,
      ),
    "log-group": async () =>
      (await logs.send(new DescribeLogGroupsCommand())).logGroups?.map(({ logGroupName }) => logGroupName),
    topic: async () => (await sns.send(new ListTopicsCommand())).Topics?.map(({ TopicArn }) => TopicArn),
    subscription: async () =>
      (await sns.send(new ListSubscriptionsCommand())).Subscriptions?.map(
        ({ SubscriptionArn }) => SubscriptionArn,
      ),
    parameter: async () =>
      (await ssm.send(new DescribeParametersCommand({ MaxResults: 50 }))).Parameters?.map(({ Name }) => Name),
  };
  const lists = Object.entries(kinds).map(async ([kind, list]) =>
    ((await list()) ?? []).map((id) => `${region} ${kind} ${id}`),
  );
  return (await Promise.all(lists)).flat();
};

const everywhere = async (endpoint: string): Promise<string[]> => {
  const options = {
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  };
  const [s3, iam] = [new S3Client({ ...options, forcePathStyle: true }), new IAMClient(options)];
  const [buckets, roles, profiles] = await Promise.all([
    s3.send(new ListBucketsCommand()),
    iam.send(new ListRolesCommand()),
    iam.send(new ListInstanceProfilesCommand()),
  ]);
  return [
    ...(buckets.Buckets ?? []).map(({ Name }) => `bucket ${Name}`),
    ...(roles.Roles ?? []).map(({ RoleName }) => `role ${RoleName}`),
    ...(profiles.InstanceProfiles ?? []).map(({ InstanceProfileName }) => `profile ${InstanceProfileName}`),
  ];
};

/** `eu-central-1 instance i-123`, `bucket NAME`, ..., sorted; also what a new account has from the start. */
export const inventory = async (endpoint: string, regions: readonly string[]): Promise<string[]> => {
  const lists = await Promise.all([
    everywhere(endpoint),
    ...regions.map((region) => regional(endpoint, region)),
  ]);
  return lists.flat().sort();
};
