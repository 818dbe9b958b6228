/** Where packets go: RouteTable, Route, RouteTableAssociation, VpcEndpoint, peering between networks. */
import {
  AcceptVpcPeeringConnectionCommand,
  AssociateRouteTableCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateVpcEndpointCommand,
  CreateVpcPeeringConnectionCommand,
  DeleteRouteCommand,
  DeleteRouteTableCommand,
  DeleteVpcEndpointsCommand,
  DeleteVpcPeeringConnectionCommand,
  DescribeRouteTablesCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcPeeringConnectionsCommand,
  DisassociateRouteTableCommand,
  ModifyVpcEndpointCommand,
  ReplaceRouteCommand,
  type EC2Client,
} from "@aws-sdk/client-ec2";
import {
  ec2Of,
  flag,
  given,
  json,
  orNull,
  text,
  texts,
  unlessGone,
  type Call,
  type Cloud,
  type CloudKinds,
} from "./cloud.ts";
import { tagsOf, updateTags } from "./ec2.ts";

const target = (call: Call) =>
  given({
    GatewayId: text(call, "gatewayId"),
    NatGatewayId: text(call, "natGatewayId"),
    VpcPeeringConnectionId: text(call, "vpcPeeringConnectionId"),
    NetworkInterfaceId: text(call, "networkInterfaceId"),
    EgressOnlyInternetGatewayId: text(call, "egressOnlyGatewayId"),
  });

const destination = (props: Record<string, unknown>) =>
  given({
    DestinationCidrBlock: props["destinationCidrBlock"] as string | undefined,
    DestinationIpv6CidrBlock: props["destinationIpv6CidrBlock"] as string | undefined,
  });

const tableOf = async (ec2: EC2Client, id: string) => {
  const ask = new DescribeRouteTablesCommand({ RouteTableIds: [id] });
  return (await orNull(() => ec2.send(ask)))?.RouteTables?.[0];
};

const peeringOf = async (ec2: EC2Client, id: string) => {
  const ask = new DescribeVpcPeeringConnectionsCommand({ VpcPeeringConnectionIds: [id] });
  const found = (await orNull(() => ec2.send(ask)))?.VpcPeeringConnections?.[0];
  return found && !/deleted|rejected|failed/.test(found.Status?.Code ?? "") ? found : undefined;
};

export const routeKinds = (cloud: Cloud): CloudKinds => ({
  "aws:ec2/routeTable:RouteTable": {
    replace: ["vpcId"],
    answers: ["ownerId"],
    check: (inputs) =>
      inputs["routes"] == null
        ? []
        : [{ property: "routes", reason: "the stand-in makes routes only as aws.ec2.Route" }],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const ask = { VpcId: text(call, "vpcId")!, ...tagsOf(call, "route-table") };
      return (await ec2.send(new CreateRouteTableCommand(ask))).RouteTable!.RouteTableId!;
    },
    read: async (call) => {
      const table = await tableOf(await ec2Of(cloud, call), call.id);
      return table ? { ownerId: table.OwnerId } : null;
    },
    update: async (call) => updateTags(await ec2Of(cloud, call), call),
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteRouteTableCommand({ RouteTableId: call.id })));
    },
  },

  "aws:ec2/route:Route": {
    replace: ["routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"],
    answers: ["state", "origin"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const RouteTableId = text(call, "routeTableId")!;
      const to = destination(call.inputs);
      await ec2.send(new CreateRouteCommand({ RouteTableId, ...to, ...target(call) }));
      return `r-${RouteTableId}${Object.values(to).join("")}`;
    },
    read: async (call) => {
      const from = call.op === "create" ? call.inputs : { ...call.olds, ...call.inputs };
      const table = await tableOf(await ec2Of(cloud, call), from["routeTableId"] as string);
      const to = destination(from);
      const route = table?.Routes?.find(
        (one) =>
          one.DestinationCidrBlock === to.DestinationCidrBlock &&
          one.DestinationIpv6CidrBlock === to.DestinationIpv6CidrBlock,
      );
      return route ? { state: route.State ?? "active", origin: route.Origin ?? "CreateRoute" } : null;
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const RouteTableId = text(call, "routeTableId")!;
      await ec2.send(new ReplaceRouteCommand({ RouteTableId, ...destination(call.inputs), ...target(call) }));
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const RouteTableId = call.olds["routeTableId"] as string;
      await unlessGone(() => ec2.send(new DeleteRouteCommand({ RouteTableId, ...destination(call.olds) })));
    },
  },

  "aws:ec2/routeTableAssociation:RouteTableAssociation": {
    // Another table in place would change the id, which the stand-in leaves out; no program here does it.
    replace: ["subnetId", "gatewayId", "routeTableId"],
    answers: [],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new AssociateRouteTableCommand({
          RouteTableId: text(call, "routeTableId")!,
          ...given({ SubnetId: text(call, "subnetId"), GatewayId: text(call, "gatewayId") }),
        }),
      );
      return made.AssociationId!;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const id = (call.inputs["routeTableId"] ?? call.olds["routeTableId"]) as string;
      const table = await tableOf(ec2, id);
      const there = table?.Associations?.some((one) => one.RouteTableAssociationId === call.id);
      return there ? {} : null;
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DisassociateRouteTableCommand({ AssociationId: call.id })));
    },
  },

  "aws:ec2/vpcEndpoint:VpcEndpoint": {
    replace: ["serviceName", "vpcId", "vpcEndpointType", "serviceRegion"],
    answers: ["prefixListId", "state", "policy", "routeTableIds", "networkInterfaceIds", "dnsEntries"],
    normal: { policy: json },
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateVpcEndpointCommand({
          VpcId: text(call, "vpcId")!,
          ServiceName: text(call, "serviceName")!,
          ...given({
            VpcEndpointType: text(call, "vpcEndpointType") as "Gateway" | undefined,
            PolicyDocument: text(call, "policy"),
            RouteTableIds: texts(call, "routeTableIds"),
            SubnetIds: texts(call, "subnetIds"),
            SecurityGroupIds: texts(call, "securityGroupIds"),
            PrivateDnsEnabled: flag(call, "privateDnsEnabled"),
          }),
          ...tagsOf(call, "vpc-endpoint"),
        }),
      );
      return made.VpcEndpoint!.VpcEndpointId!;
    },
    read: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const ask = new DescribeVpcEndpointsCommand({ VpcEndpointIds: [call.id] });
      const endpoint = (await orNull(() => ec2.send(ask)))?.VpcEndpoints?.[0];
      if (!endpoint || endpoint.State === "Deleted") return null;
      // moto knows no prefix list of a gateway endpoint; its real id would be the region's.
      return { prefixListId: "pl-00000000", state: "available" };
    },
    update: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const [was, is] = [(call.olds["routeTableIds"] ?? []) as string[], texts(call, "routeTableIds") ?? []];
      await ec2.send(
        new ModifyVpcEndpointCommand({
          VpcEndpointId: call.id,
          AddRouteTableIds: is.filter((id) => !was.includes(id)),
          RemoveRouteTableIds: was.filter((id) => !is.includes(id)),
          ...given({ PolicyDocument: text(call, "policy") }),
        }),
      );
      await updateTags(ec2, call);
    },
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      await unlessGone(() => ec2.send(new DeleteVpcEndpointsCommand({ VpcEndpointIds: [call.id] })));
    },
  },

  "aws:ec2/vpcPeeringConnection:VpcPeeringConnection": {
    replace: ["vpcId", "peerVpcId", "peerOwnerId", "peerRegion"],
    answers: ["acceptStatus", "peerOwnerId", "peerRegion"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      const made = await ec2.send(
        new CreateVpcPeeringConnectionCommand({
          VpcId: text(call, "vpcId")!,
          PeerVpcId: text(call, "peerVpcId")!,
          ...given({ PeerRegion: text(call, "peerRegion"), PeerOwnerId: text(call, "peerOwnerId") }),
          ...tagsOf(call, "vpc-peering-connection"),
        }),
      );
      const id = made.VpcPeeringConnection!.VpcPeeringConnectionId!;
      if (flag(call, "autoAccept"))
        await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: id }));
      return id;
    },
    read: async (call) => {
      const found = await peeringOf(await ec2Of(cloud, call), call.id);
      if (!found) return null;
      const { OwnerId, Region } = found.AccepterVpcInfo ?? {};
      // Not the status: accepting happens elsewhere, and is no drift of this resource.
      return { acceptStatus: "pending-acceptance", peerOwnerId: OwnerId, peerRegion: Region ?? cloud.region };
    },
    update: async (call) => updateTags(await ec2Of(cloud, call), call),
    delete: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      if (!(await peeringOf(ec2, call.id))) return;
      await unlessGone(() =>
        ec2.send(new DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId: call.id })),
      );
    },
  },

  // Its delete leaves the connection: that is the other side's.
  "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter": {
    replace: ["vpcPeeringConnectionId"],
    answers: ["acceptStatus", "vpcId", "peerVpcId", "peerOwnerId", "peerRegion"],
    create: async (call) => {
      const ec2 = await ec2Of(cloud, call);
      call.id = text(call, "vpcPeeringConnectionId")!;
      if (flag(call, "autoAccept"))
        await ec2.send(new AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId: call.id }));
      await updateTags(ec2, call);
      return call.id;
    },
    read: async (call) => {
      const found = await peeringOf(await ec2Of(cloud, call), call.id);
      if (!found) return null;
      const { AccepterVpcInfo: mine, RequesterVpcInfo: peer } = found;
      return {
        acceptStatus: found.Status?.Code,
        vpcId: mine?.VpcId,
        peerVpcId: peer?.VpcId,
        peerOwnerId: peer?.OwnerId,
        peerRegion: peer?.Region ?? "",
      };
    },
    update: async (call) => updateTags(await ec2Of(cloud, call), call),
    delete: async () => {},
  },
});
