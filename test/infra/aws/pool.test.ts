import { expect, test } from "vitest";
import { awsBackend } from "../../../agent/manager-config.ts";
import { defaultImage } from "../../../infra/aws/images.ts";
import { Network } from "../../../infra/aws/network.ts";
import { Pool } from "../../../infra/aws/pool.ts";
import type { AwsBackendSettings, AwsSettings } from "../../../infra/aws/settings.ts";
import { contextOf, entry, existing, graphOf, home, peer } from "./graph.ts";

const template = "ec2/launchTemplate:LaunchTemplate";

const poolOf = (backends: AwsBackendSettings[], settings: Partial<AwsSettings> = {}) =>
  graphOf(() => {
    const context = contextOf(settings);
    const regions = settings.regions ?? [home];
    const networks = regions.map(
      (region) =>
        new Network(
          region.name,
          { context, region, agentsPort: 7443, home: null },
          { provider: context.provider(region.name) },
        ),
    );
    const pool = new Pool("p", {
      context,
      pool: "arm64",
      backends,
      networks: new Map(networks.map((network) => [network.region, network])),
      userData: ({ end, metadata }) => `#!/bin/sh\n# ${end}${metadata ? " metadata" : ""}\n`,
    });
    return [...pool.backends];
  });

test("a machine asks for a token from its metadata, one hop away, and has no rights", async () => {
  const made = (await poolOf([entry()])).one(template, "p-spot-eu-central-1");
  expect(made.metadataOptions).toMatchObject({
    httpEndpoint: "enabled",
    httpTokens: "required",
    httpPutResponseHopLimit: 1,
  });
  expect(Object.keys(made)).not.toContain("iamInstanceProfile");
  expect(Object.keys(made)).not.toContain("instanceMarketOptions");
  expect(Object.keys(made)).not.toContain("keyName");
});

test("a machine that powers off is gone, with its encrypted disk", async () => {
  const made = (await poolOf([entry({ diskGb: 200, diskThroughput: 500, diskIops: 6000 })])).one(
    template,
    "p-spot-eu-central-1",
  );
  expect(made.instanceInitiatedShutdownBehavior).toBe("terminate");
  expect(made.blockDeviceMappings).toEqual([
    {
      deviceName: "/dev/sda1",
      ebs: {
        volumeType: "gp3",
        volumeSize: 200,
        throughput: 500,
        iops: 6000,
        encrypted: "true",
        deleteOnTermination: "true",
      },
    },
  ]);
  expect(Buffer.from(made.userData, "base64").toString()).toBe("#!/bin/sh\n# power-off\n");
});

test("a customer's key encrypts the disk", async () => {
  const made = (await poolOf([entry()], { kmsKeyId: "arn:aws:kms:eu-central-1:1:key/k" })).one(
    template,
    "p-spot-eu-central-1",
  );
  expect(made.blockDeviceMappings[0].ebs.kmsKeyId).toBe("arn:aws:kms:eu-central-1:1:key/k");
});

test("EC2 looks the image up at each launch, or takes the user's own", async () => {
  const graph = await poolOf([
    entry(),
    entry({ name: "own", image: { kind: "ami", id: "ami-0123456789abcdef0" } }),
  ]);
  expect(graph.one(template, "p-spot-eu-central-1").imageId).toBe("resolve:ssm:/image");
  expect(graph.one(template, "p-own").imageId).toBe("ami-0123456789abcdef0");
});

test("without one in the settings the image fits architecture and GPU", () => {
  const parameter = (arch: "arm64" | "x64", gpu: boolean) => defaultImage({ arch, gpu });
  expect([
    parameter("arm64", false),
    parameter("x64", false),
    parameter("arm64", true),
    parameter("x64", true),
  ]).toEqual(
    [
      "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id",
      "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
      "/aws/service/deeplearning/ami/arm64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id",
      "/aws/service/deeplearning/ami/x86_64/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id",
    ].map((name) => ({ kind: "ssm", parameter: name })),
  );
});

test("machines, their volumes and interfaces carry stack, pool and the settings' tags", async () => {
  const made = (await poolOf([entry()])).one(template, "p-spot-eu-central-1");
  const tags = {
    Name: "muster-dev-arm64",
    team: "build",
    "muster:stack": "muster/dev",
    "muster:pool": "arm64",
  };
  expect(made.tagSpecifications).toEqual(
    ["instance", "volume", "network-interface"].map((resourceType) => ({ resourceType, tags })),
  );
});

test("the manager reads an explicit version of the template, as it is", async () => {
  const { result } = await poolOf([entry()]);
  expect(result).toEqual([
    {
      kind: "aws",
      // (100 GB x .0952 + 125 MiB/s x .0476) / 730 hours, and .005 for the address.
      besideMicrosPerHour: 26_192,
      name: "spot-eu-central-1",
      region: "eu-central-1",
      market: "spot",
      types: entry().types,
      template: { id: "p-spot-eu-central-1-id", version: 3 },
      subnets: [
        { id: "eu-central-1-public-a-id", zone: "eu-central-1a" },
        { id: "eu-central-1-public-c-id", zone: "eu-central-1c" },
      ],
      fixed: [],
    },
  ]);
  expect(awsBackend.parse(result[0])).toEqual(result[0]);
});

test("an entry of another region has its template, network and provider there", async () => {
  const graph = await poolOf([entry(), entry({ name: "spot-us-east-1", region: "us-east-1" })], {
    regions: [home, peer],
  });
  expect(graph.all(template).map(({ provider, inputs }) => [provider, inputs.vpcSecurityGroupIds])).toEqual([
    ["eu-central-1", ["eu-central-1-runners-id"]],
    ["us-east-1", ["us-east-1-runners-id"]],
  ]);
  expect(graph.result[1]!.subnets).toEqual([{ id: "us-east-1-public-b-id", zone: "us-east-1b" }]);
});

test("groups of an existing network and of the entry are added", async () => {
  const graph = await poolOf([entry({ securityGroupIds: ["sg-db"] })], { network: existing });
  expect(graph.one(template, "p-spot-eu-central-1").vpcSecurityGroupIds).toEqual([
    "eu-central-1-runners-id",
    "sg-ours",
    "sg-db",
  ]);
});

test("an instance profile that somebody insists on is given by name or ARN", async () => {
  const arn = "arn:aws:iam::1:instance-profile/ci";
  const graph = await poolOf([
    entry({ instanceProfile: "ci" }),
    entry({ name: "arn", instanceProfile: arn }),
  ]);
  expect(graph.one(template, "p-spot-eu-central-1").iamInstanceProfile).toEqual({ name: "ci" });
  expect(graph.one(template, "p-arn").iamInstanceProfile).toEqual({ arn });
  for (const name of ["p-spot-eu-central-1", "p-arn"])
    expect(Buffer.from(graph.one(template, name).userData, "base64").toString()).toContain("metadata");
});

test("fixed machines are slots: they stop instead of ending, spread over the subnets", async () => {
  const fixed = entry({ name: "fixed", market: "on-demand", fixed: 3 });
  const graph = await poolOf([fixed]);
  const made = graph.one(template, "p-fixed");
  expect(made.instanceInitiatedShutdownBehavior).toBe("stop");
  expect(made.instanceType).toBe("c8g.2xlarge");
  expect(Buffer.from(made.userData, "base64").toString()).toContain("clean-slot");
  expect(
    graph.all("ec2/instance:Instance").map(({ name, inputs }) => [name, inputs.subnetId, inputs.tags]),
  ).toEqual(
    ["a", "c", "a"].map((zone, index) => [
      `p-fixed-${index}`,
      `eu-central-1-public-${zone}-id`,
      { Name: `muster-dev-arm64-${index}`, "muster:pool": "arm64", "muster:role": "fixed" },
    ]),
  );
  expect(graph.result[0]!.fixed).toEqual(["p-fixed-0-id", "p-fixed-1-id", "p-fixed-2-id"]);
});

test("a newer template leaves fixed machines alone", async () => {
  const graph = await poolOf([entry({ name: "fixed", fixed: 1 })]);
  expect(graph.one("ec2/instance:Instance", "p-fixed-0").launchTemplate).toEqual({
    id: "p-fixed-id",
    version: "$Latest",
  });
});
