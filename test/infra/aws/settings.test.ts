/** What settings of a stack on AWS come to: defaults, networks, the manager, warnings. */
import { expect, test } from "vitest";
import { defaultPrefix } from "../../../infra/aws/parse.ts";
import type { AwsBackendSettings } from "../../../infra/aws/settings.ts";
import {
  awsEntry as entry,
  entryOf,
  existingVpc as vpc,
  instanceProfileRole,
  parseAws,
  poolOf,
  wrongOf,
} from "./rig.ts";

test("a region and where runners register are enough", () => {
  const { manager, aws, pools, warnings } = parseAws({});
  expect(warnings).toEqual([]);
  expect(manager).toEqual({
    on: "aws",
    type: { name: "t4g.nano", cores: 2, memoryMb: 512, gpus: 0, microsPerHour: 4_801, currency: "USD" },
    reach: "private",
    caGenerations: [1],
    agentsPort: 7_443,
    port: 7_117,
    drainTimeoutSeconds: 600,
    secretParameters: {},
  });
  expect(aws).toEqual({
    regions: [
      {
        name: "eu-central-1",
        zones: ["eu-central-1a", "eu-central-1b", "eu-central-1c"],
        cidr: "10.64.0.0/16",
      },
    ],
    network: { kind: "own", private: false },
    tags: {},
    namePrefix: "muster-dev",
    permissionsBoundary: null,
    kmsKeyId: null,
    proxy: null,
    extraCa: null,
    alarmsTo: [],
    cache: { days: 14, retain: false },
  });
  expect(Object.keys(pools)).toEqual(["arm64"]);
  expect(pools.arm64).toMatchObject({ labels: ["self-hosted", "linux", "ARM64"], max: 10, gpu: null });
  const [first] = pools.arm64!.backends as AwsBackendSettings[];
  expect(first).toMatchObject({
    kind: "aws",
    name: "spot-eu-central-1",
    region: "eu-central-1",
    market: "spot",
    arch: "arm64",
    gpu: false,
    diskGb: 200,
    diskThroughput: 400,
    diskIops: 3_000,
    fixed: 0,
    securityGroupIds: [],
    instanceProfile: null,
    instanceProfileRole: null,
  });
  expect(first!.types.map(({ name }) => name)).toEqual([
    ...["c8g.2xlarge", "c7g.2xlarge", "m8g.2xlarge", "m7g.2xlarge"],
  ]);
  expect(first!.image).toMatchObject({ kind: "ssm", parameter: expect.stringContaining("24.04") as string });
});

test.each([
  ["a higher generation comes beside the one before", { generation: 2 }, [1, 2]],
  ["which goes when it is retired", { generation: 2, retired: 1 }, [2]],
  ["so that the next raise keeps what is trusted", { generation: 3, retired: 1 }, [2, 3]],
])("CAs: %s", (_, ca, generations) => {
  expect(parseAws({ manager: { on: "aws", ca } }).manager).toMatchObject({ caGenerations: generations });
});

test.each([
  [{ generation: 3 }, "generation", /1 to 3 would exist; allowed is 2, or ca.retired: 1, once no machine/],
  [{ generation: 2, retired: 2 }, "retired", /less than ca.generation, which is 2/],
  [{ retired: 1 }, "retired", /less than ca.generation, which is 1/],
])("a step that would leave machines without a CA is refused: %j", (ca, key, why) => {
  const [wrong, ...more] = wrongOf({ manager: { on: "aws", ca } });
  expect(more).toEqual([]);
  expect(wrong!.path).toBe(`muster:manager.ca.${key}`);
  expect(wrong!.allowed).toMatch(why);
});

test.each([
  [["self-hosted", "linux", "X64"], undefined, "c7i.2xlarge", "x64"],
  [["linux", "amd64"], undefined, "c7i.2xlarge", "x64"],
  [undefined, true, "g5g.2xlarge", "arm64"],
  [["gpu-x64"], "nvidia", "g4dn.2xlarge", "x64"],
])("types left out follow labels %j and gpu %j", (labels, gpu, type, arch) => {
  const { types, arch: got } = entryOf(
    entry({}, { ...(labels && { labels }), ...(gpu !== undefined && { gpu }) }),
  );
  expect([types[0]!.name, got]).toEqual([type, arch]);
});

test.each([
  ["c7g.2xlarge", ["self-hosted", "linux", "ARM64"], null],
  ["c7i.2xlarge", ["self-hosted", "linux", "X64"], null],
  ["g5g.xlarge", ["self-hosted", "linux", "gpu-arm64"], "nvidia"],
  ["g6.2xlarge", ["self-hosted", "linux", "gpu-x64"], "nvidia"],
])("labels and gpu left out follow the types: %s", (type, labels, gpu) => {
  expect(poolOf(entry({ types: [type] }))).toMatchObject({ labels, gpu });
});

test("regions are the home region and those of the entries, each with a network of its own", () => {
  const pools = {
    a: { labels: ["a"], backends: [{ aws: { region: "us-east-1" } }, { aws: {} }] },
    b: { labels: ["b"], backends: [{ aws: { region: "us-east-1" } }] },
  };
  const { regions } = parseAws({ pools, network: { zones: 2 } }).aws!;
  expect(regions.map(({ name, cidr, zones }) => [name, cidr, zones.length])).toEqual([
    ["eu-central-1", "10.64.0.0/16", 2],
    ["us-east-1", "10.65.0.0/16", 2],
  ]);
});

test("zones by name belong to their regions, and make a region usable that is not known", () => {
  const network = { zones: ["eu-central-1c", "us-gov-west-1a"] };
  const { aws, warnings } = parseAws({ ...entry({ region: "us-gov-west-1" }), network });
  expect(aws!.regions.map(({ zones }) => zones)).toEqual([["eu-central-1c"], ["us-gov-west-1a"]]);
  expect(warnings).toEqual([expect.stringContaining("prices in us-gov-west-1 are not known")]);
});

test("an existing VPC", () => {
  const { aws } = parseAws({ network: { ...vpc, securityGroupIds: ["sg-0123456789abcdef0"] } });
  expect(aws!.network).toEqual({
    kind: "existing",
    vpcId: vpc.vpcId,
    subnets: [
      { id: "subnet-0123456789abcdef0", zone: "eu-central-1a" },
      { id: "subnet-0123456789abcdef1", zone: "eu-central-1b" },
    ],
    public: false,
    securityGroupIds: ["sg-0123456789abcdef0"],
  });
  expect(aws!.regions[0].zones).toEqual([]);
  expect(parseAws({ network: { ...vpc, public: true } }).aws!.network).toMatchObject({ public: true });
});

test.each([
  [500, "t4g.nano"],
  [501, "t4g.micro"],
  [2_000, "t4g.micro"],
  [2_001, "t4g.small"],
])("for up to %i machines the manager is a %s", (machines, type) => {
  const max = [1_000, 1_000, 1_000].map((most, index) =>
    Math.min(most, Math.max(0, machines - index * most)),
  );
  const pools = Object.fromEntries(
    max.map((most, index) => [`p${index}`, { labels: [`l${index}`], max: most, backends: [{ aws: {} }] }]),
  );
  expect(parseAws({ pools }).manager).toMatchObject({ type: { name: type } });
});

test("a manager that is small for its pools, unknown prices and instance profiles are warnings", () => {
  const manager = { on: "aws", type: "t4g.nano" };
  const warned = (values: Record<string, unknown>) => parseAws(values).warnings.join("\n");
  expect(warned({ manager, ...entry({}, { max: 501 }) })).toContain("better t4g.micro");
  expect(warned(entry({ types: ["c9g.2xlarge"] }))).toMatch(/not a type that muster knows.*[\s\S]*dearest/);
  expect(warned(entry({ instanceProfile: "builder", instanceProfileRole }))).toContain("GitHub's OIDC");
});

test("a secret may be a reference to an SSM parameter, and is then not missing", () => {
  const manager = { on: "aws", secretParameters: { githubToken: "/acme/github-token" } };
  expect(parseAws({ manager }, []).manager).toMatchObject({
    secretParameters: { githubToken: "/acme/github-token" },
  });
});

test("every name of a stack gives a prefix that is allowed, and no two the same", () => {
  expect(defaultPrefix("dev")).toBe("muster-dev");
  const names = ["dev", "Dev", "d_v", "d-v", "a".repeat(60), `${"a".repeat(60)}b`, "-"];
  const prefixes = names.map(defaultPrefix);
  expect(new Set(prefixes).size).toBe(names.length);
  for (const namePrefix of prefixes)
    expect(parseAws({ aws: { region: "eu-central-1", namePrefix } }).aws!.namePrefix).toBe(namePrefix);
});

test("AWS from a manager on this computer is refused with the cure, and so is what only it would need", () => {
  const local = { manager: { on: "local" }, aws: undefined, trustJobs: true };
  expect(wrongOf({ ...local, ...entry({}) })[0]!.allowed).toContain("muster:manager = { on: aws }");
  expect(wrongOf({ ...local, aws: { region: "eu-central-1" } })[0]!.allowed).toContain(
    "config rm muster:aws",
  );
});

test("everything that is wrong is said at once", () => {
  const all = wrongOf({
    aws: { region: "eu-central-1", kmsKeyId: "x" },
    manager: { on: "aws", agentsPort: 0 },
    network: { zones: 0 },
    ...entry({ types: ["g4ad.xlarge"], disk: 1e9 }),
  });
  expect(all.map(({ path }) => path).sort()).toEqual([
    "muster:aws.kmsKeyId",
    "muster:manager.agentsPort",
    "muster:network.zones",
    "muster:pools.p.backends.0.aws.disk",
  ]);
});
