import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import { githubHash } from "../../../agent/manager-host.ts";
import { Manager, type ManagerArgs } from "../../../infra/aws/manager.ts";
import type { PolicyDocument } from "../../../infra/aws/policy/statement.ts";
import type { AwsSettings } from "../../../infra/aws/settings.ts";
import { contextOf, entry, graphOf, type Graph } from "./graph.ts";

const here = join(import.meta.dirname, "manager.test.ts");
const bundle = (digit: string) => ({ path: here, sha256: digit.repeat(64), bytes: 1 });
const node = {
  version: "24.0.0",
  integrity: `sha512-${Buffer.alloc(64, 4).toString("base64")}`,
  sha512: "04".repeat(64),
  url: "https://npm.example/node-24.0.0.tgz",
  path: here,
};
const planted = "ghp_planted";
const github: ManagerArgs["github"] = {
  url: "https://github.com/acme",
  login: { kind: "token" },
  source: "auto",
};

const managerOf = (over: Partial<ManagerArgs> = {}, settings: Partial<AwsSettings> = {}) =>
  graphOf(() => {
    const { instanceId, bucket, parameterPrefix } = new Manager("m", {
      context: contextOf(settings),
      manager: {
        type: { name: "t4g.nano", cores: 2, memoryMb: 512, gpus: 0, microsPerHour: 4800, currency: "USD" },
        secretParameters: {},
      },
      zone: "eu-central-1a",
      endpoint: {
        interfaceId: pulumi.output("eni-1"),
        keys: {
          caKey: { parameter: "caKey-1", value: pulumi.secret("planted-ca-key") },
          certificateKey: { parameter: "certificateKey-1", value: pulumi.secret("planted-certificate-key") },
        },
      },
      cache: { bucket: pulumi.output("cache-1") },
      files: { "manager.mjs": bundle("1"), "runner.mjs": bundle("2"), "updater.mjs": bundle("3") },
      node,
      github,
      current: (of) => JSON.stringify(of),
      backends: {
        settings: [entry()],
        places: [{ region: "eu-central-1", template: "lt-1", subnets: ["subnet-1"], fixed: false }],
      },
      secrets: { githubToken: planted },
      after: () => [],
      ...over,
    });
    return { instanceId, bucket, parameterPrefix };
  });

const objects = (graph: Graph) =>
  new Map(graph.all("s3/bucketObjectv2:BucketObjectv2").map((one) => [one.name, one]));
const instanceOf = (graph: Graph) => graph.all("ec2/instance:Instance")[0]!;
const isSecret = (value: unknown) =>
  typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;

test("the machine comes from the template's image, which the instance does not name", async () => {
  const graph = await managerOf();
  const { inputs } = instanceOf(graph);
  expect(inputs).not.toHaveProperty("ami");
  expect(inputs).toMatchObject({
    launchTemplate: { id: "m-host-template-id", version: "3" },
    instanceType: "t4g.nano",
    primaryNetworkInterface: { networkInterfaceId: "eni-1" },
    tags: { "muster:role": "manager" },
  });
  expect(graph.one("ec2/launchTemplate:LaunchTemplate", "m-host-template")).toMatchObject({
    imageId: "resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
    metadataOptions: { httpTokens: "required", httpPutResponseHopLimit: 1 },
    maintenanceOptions: { autoRecovery: "default" },
    blockDeviceMappings: [{ ebs: { encrypted: "true", deleteOnTermination: "true" } }],
  });
});

test("a new version of the template does not touch the machine, and a new machine waits until the old one is gone", async () => {
  expect(instanceOf(await managerOf()).options).toMatchObject({
    ignoreChanges: ["launchTemplate"],
    deleteBeforeReplace: true,
  });
});

test("what the machine reads and may do is there before it, and stays until it is gone", async () => {
  const { after } = instanceOf(await managerOf());
  for (const name of [
    "m-store-current",
    "m-store-files",
    "m-store-githubToken",
    "m-host-policy",
    "m-store-manager.mjs",
  ])
    expect(after).toContain(name);
});

test("user data is constant: no hash of a program, no setting, no secret", async () => {
  const userData = async (over: Partial<ManagerArgs> = {}) =>
    instanceOf(await managerOf(over)).inputs.userData;
  const text: string = await userData();
  expect(text).toContain('MUSTER_BUCKET="muster-dev-manager-1"');
  expect(text).toContain('MUSTER_VOLUME="m-host-data-id"');
  expect(text).not.toMatch(/planted|1{64}/);
  const edited = await userData({
    files: { "manager.mjs": bundle("7"), "runner.mjs": bundle("8"), "updater.mjs": bundle("9") },
    current: () => "other settings",
    secrets: { githubToken: "ghp_other" },
  });
  expect(edited).toBe(text);
});

test("programs lie under their hash and stay when a newer one comes", async () => {
  const stored = objects(await managerOf());
  expect(stored.get("m-store-manager.mjs")).toMatchObject({
    inputs: { key: `manager/files/${"1".repeat(64)}/manager.mjs`, bucket: "muster-dev-manager-1" },
    options: { retainOnDelete: true },
  });
});

test("Node lies under its hash, and a preview that did not fetch it says nothing else", async () => {
  const [here, absent] = [
    objects(await managerOf()),
    objects(await managerOf({ node: { ...node, path: null } })),
  ];
  const name = "m-store-node-24.0.0";
  expect(here.get(name)!.inputs.key).toBe(`manager/files/${node.sha512}/node.tgz`);
  for (const stored of [here, absent]) expect(stored.get(name)!.options.ignoreChanges).toEqual(["source"]);
});

test("settings come last: what they name is there", async () => {
  const { after, inputs } = objects(await managerOf()).get("m-store-current")!;
  expect(after).toEqual(expect.arrayContaining(["m-store-manager.mjs", "m-store-files", "m-store-caKey-1"]));
  expect(inputs.key).toBe("manager/current.json");
});

test("hashes stand in a parameter too, readable in a preview", async () => {
  const graph = await managerOf();
  const { name, type, insecureValue } = graph.one("ssm/parameter:Parameter", "m-store-files");
  expect({ name, type }).toEqual({ name: "/muster-dev/files", type: "String" });
  expect(JSON.parse(insecureValue)).toEqual({
    "manager.mjs": "1".repeat(64),
    "runner.mjs": "2".repeat(64),
    "updater.mjs": "3".repeat(64),
    github: githubHash(github),
  });
});

test("secrets are SecureStrings and secret to Pulumi, and nowhere else", async () => {
  const graph = await managerOf();
  for (const secret of ["githubToken", "caKey-1", "certificateKey-1"]) {
    const parameter = graph.one("ssm/parameter:Parameter", `m-store-${secret}`);
    expect(parameter).toMatchObject({ name: `/muster-dev/secrets/${secret}`, type: "SecureString" });
    expect(isSecret(parameter.value)).toBe(true);
  }
  const rest = graph.made.filter(({ name }) => !/-(githubToken|caKey-1|certificateKey-1)$/.test(name));
  expect(JSON.stringify(rest)).not.toContain("planted");
});

test("a reference takes a secret's place: its name alone is known, and the role may read it", async () => {
  const graph = await managerOf({
    manager: {
      type: { name: "t4g.nano", cores: 2, memoryMb: 512, gpus: 0, microsPerHour: 4800, currency: "USD" },
      secretParameters: { githubToken: "/acme/github" },
    },
    secrets: {},
  });
  expect(graph.all("ssm/parameter:Parameter").map(({ name }) => name)).not.toContain("m-store-githubToken");
  expect(JSON.parse(objects(graph).get("m-store-current")!.inputs.content).secrets).toEqual({
    caKey: "/muster-dev/secrets/caKey-1",
    certificateKey: "/muster-dev/secrets/certificateKey-1",
    githubToken: "/acme/github",
  });
  expect(graph.one("iam/rolePolicy:RolePolicy", "m-host-policy").policy).toContain(":parameter/acme/github");
});

test("data has a volume of its own, encrypted, in the subnet's zone; it is detached from a stopped machine", async () => {
  const graph = await managerOf();
  expect(graph.one("ebs/volume:Volume", "m-host-data")).toMatchObject({
    availabilityZone: "eu-central-1a",
    encrypted: true,
    type: "gp3",
  });
  expect(graph.one("ec2/volumeAttachment:VolumeAttachment", "m-host-attachment")).toMatchObject({
    volumeId: "m-host-data-id",
    stopInstanceBeforeDetaching: true,
  });
});

test("the customer's key and boundary are everywhere they belong", async () => {
  const key = "arn:aws:kms:eu-central-1:111122223333:key/1";
  const boundary = "arn:aws:iam::111122223333:policy/boundary";
  const graph = await managerOf({}, { kmsKeyId: key, permissionsBoundary: boundary });
  expect(graph.one("iam/role:Role", "m-host-role").permissionsBoundary).toBe(boundary);
  expect(graph.one("ebs/volume:Volume", "m-host-data").kmsKeyId).toBe(key);
  expect(
    graph.one("ec2/launchTemplate:LaunchTemplate", "m-host-template").blockDeviceMappings[0].ebs.kmsKeyId,
  ).toBe(key);
  expect(graph.one("ssm/parameter:Parameter", "m-store-caKey-1").keyId).toBe(key);
  expect(graph.one("iam/rolePolicy:RolePolicy", "m-host-policy").policy).toContain(key);
  const plain = await managerOf();
  expect(plain.one("iam/rolePolicy:RolePolicy", "m-host-policy").policy).not.toContain("kms:");
});

test("credits are for burstable types only", async () => {
  const credits = async (name: string) =>
    instanceOf(
      await managerOf({
        manager: {
          type: { name, cores: 2, memoryMb: 4096, gpus: 0, microsPerHour: 4800, currency: "USD" },
          secretParameters: {},
        },
      }),
    ).inputs.creditSpecification;
  expect(await credits("t4g.micro")).toEqual({ cpuCredits: "unlimited" });
  expect(await credits("m7g.medium")).toBeUndefined();
});

test("the role may pass the role that the settings name, whatever the profile is called, and none of fixed machines", async () => {
  const instanceProfileRole = "arn:aws:iam::123456789012:role/ci/builder";
  const given = entry({ instanceProfile: "ci", instanceProfileRole });
  const passed = async (fixed: number): Promise<string[]> => {
    const places = [{ region: "eu-central-1", template: "lt-1", subnets: ["subnet-1"], fixed: fixed > 0 }];
    const graph = await managerOf({ backends: { settings: [{ ...given, fixed }], places } });
    const { Statement } = JSON.parse(
      graph.one("iam/rolePolicy:RolePolicy", "m-host-policy").policy,
    ) as PolicyDocument;
    return Statement.filter(({ Action }) => Action.includes("iam:PassRole")).flatMap(
      ({ Resource }) => Resource,
    );
  };
  expect(await passed(0)).toEqual([instanceProfileRole]);
  expect(await passed(1)).toEqual([]);
});
