import { expect, test } from "vitest";
import { Network } from "../../../infra/aws/network.ts";
import { Peering } from "../../../infra/aws/peering.ts";
import { contextOf, graphOf, home, peer } from "./graph.ts";

const both = () =>
  graphOf(() => {
    const context = contextOf({ regions: [home, peer], network: { kind: "own", private: true } });
    const network = (
      name: string,
      region: typeof home,
      at: { public: false; peers: string[]; ports: [] } | null,
    ) =>
      new Network(
        name,
        { context, region, agentsPort: 7443, home: at },
        { provider: context.provider(region.name) },
      );
    const near = network("near", home, { public: false, peers: [peer.cidr], ports: [] });
    const far = network("far", peer, null);
    new Peering("p", { context, home: near, peer: far });
  });

test("the home region asks and the other region accepts, each with its own provider", async () => {
  const graph = await both();
  expect(graph.all("ec2/vpcPeeringConnection:VpcPeeringConnection")).toMatchObject([
    {
      provider: "eu-central-1",
      inputs: { vpcId: "near-vpc-id", peerVpcId: "far-vpc-id", peerRegion: "us-east-1", autoAccept: false },
    },
  ]);
  expect(graph.all("ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter")).toMatchObject([
    { provider: "us-east-1", inputs: { vpcPeeringConnectionId: "p-id", autoAccept: true } },
  ]);
});

test("every route table of both networks knows the other one", async () => {
  const graph = await both();
  const routes = graph.all("ec2/route:Route").filter(({ inputs }) => inputs.vpcPeeringConnectionId);
  expect(
    routes.map(({ provider, inputs }) => [provider, inputs.routeTableId, inputs.destinationCidrBlock]),
  ).toEqual([
    ["eu-central-1", "near-public-id", "10.65.0.0/16"],
    ["eu-central-1", "near-private-id", "10.65.0.0/16"],
    ["us-east-1", "far-public-id", "10.64.0.0/16"],
    ["us-east-1", "far-private-id", "10.64.0.0/16"],
  ]);
});

test("everything of a network is made by its region's provider", async () => {
  const graph = await both();
  for (const { name, provider } of graph.made.filter(({ type }) => type.startsWith("aws:")))
    if (/^(near|far)-/.test(name))
      expect([name, provider]).toEqual([name, name.startsWith("near") ? "eu-central-1" : "us-east-1"]);
});
