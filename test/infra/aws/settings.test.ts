import { expect, test } from "vitest";
import { defaultPrefix } from "../../../infra/aws/parse.ts";
import type { AwsBackendSettings } from "../../../infra/aws/settings.ts";
import { parseAws, wrongOf } from "./rig.ts";

const entry = (aws: unknown, pool: Record<string, unknown> = {}) => ({
  pools: { p: { ...pool, backends: [{ aws }] } },
});
const poolOf = (values: Record<string, unknown>) => Object.values(parseAws(values).pools)[0]!;
const instanceProfileRole = "arn:aws:iam::123456789012:role/ci/builder";
const entryOf = (values: Record<string, unknown>) => poolOf(values).backends[0] as AwsBackendSettings;
const vpc = {
  vpcId: "vpc-0123456789abcdef0",
  subnetIds: { "subnet-0123456789abcdef0": "eu-central-1a", "subnet-0123456789abcdef1": "eu-central-1b" },
};

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

test("an entry's own words: disk, throughput with its IOPS, image, groups, fixed on demand", () => {
  const got = entryOf(
    entry({
      types: ["c7g.xlarge"],
      disk: 300,
      throughput: 1_000,
      image: "ami-0123456789abcdef0",
      fixed: 1,
      securityGroupIds: ["sg-0123456789abcdef0"],
    }),
  );
  expect(got).toMatchObject({
    market: "on-demand",
    diskGb: 300,
    diskThroughput: 1_000,
    diskIops: 4_000,
    image: { kind: "ami", id: "ami-0123456789abcdef0" },
    fixed: 1,
    securityGroupIds: ["sg-0123456789abcdef0"],
  });
  expect(entryOf(entry({ image: "/acme/image" })).image).toEqual({ kind: "ssm", parameter: "/acme/image" });
  expect(entryOf(entry({ types: ["c7g.xlarge"] })).diskGb).toBe(100);
});

test("spot is counted at 55 % of on demand, and all in the currency of the budget", () => {
  const micros = (market: string, budget?: unknown) =>
    entryOf({
      ...entry({ types: ["c7g.2xlarge"], market, region: "us-east-1" }),
      ...(budget ? { budget } : {}),
    }).types[0]!;
  expect(micros("on-demand")).toMatchObject({ microsPerHour: 290_000, currency: "USD" });
  expect(micros("spot").microsPerHour).toBe(159_500);
  expect(micros("on-demand", { perHour: 5, currency: "EUR" })).toMatchObject({
    microsPerHour: 250_000,
    currency: "EUR",
  });
});

test("entries are named by market and region, and numbered where two are alike", () => {
  const backends = [{ aws: {} }, { aws: { types: ["m7g.4xlarge"] } }, { aws: { market: "on-demand" } }];
  const names = poolOf({ pools: { p: { backends } } }).backends.map((one) => one.kind === "aws" && one.name);
  expect(names).toEqual(["spot-eu-central-1", "spot-eu-central-1-2", "on-demand-eu-central-1"]);
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

test("machines that always exist may have a profile without the manager passing its role", () => {
  const { instanceProfile, instanceProfileRole: role } = entryOf(
    entry({ instanceProfile: "builder", fixed: 1 }, { max: 1 }),
  );
  expect([instanceProfile, role]).toEqual(["builder", null]);
});

test("a type that is not known is allowed; with a price it is counted at that", () => {
  const values = entry({ types: ["c9g.2xlarge"], price: 0.2 });
  expect(parseAws(values).warnings).toEqual([]);
  expect(entryOf(values).types[0]).toEqual({
    ...{ name: "c9g.2xlarge", cores: 8, memoryMb: 16_384, gpus: 0, microsPerHour: 200_000, currency: "USD" },
  });
  const dearest = entryOf(entry({ types: ["c9g.2xlarge"] })).types[0]!.microsPerHour;
  expect(dearest).toBeGreaterThan(8_000_000);
});

test("single-use machines of AWS may serve public repositories", () => {
  expect(poolOf(entry({}, { publicRepositories: "allow" })).publicRepositories).toBe("allow");
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

const gpuPool = (labels: string[] | undefined, types: string[]) =>
  entry({ types }, { gpu: true, ...(labels && { labels }) });
const p = "muster:pools.p.backends.0.aws";
const arn = (text: string) => `arn:aws:${text}`;

test.each<[string, Record<string, unknown>, string, RegExp, string[]?]>([
  [
    "no region",
    { aws: undefined },
    "muster:aws.region",
    /missing; pulumi config set --path muster:aws\.region/,
  ],
  ["a region that is none", { aws: { region: "Frankfurt" } }, "muster:aws.region", /such as eu-central-1/],
  [
    "a region that is not known",
    { aws: { region: "eu-centrel-1" } },
    "muster:network.zones",
    /did you mean eu-central-1/,
  ],
  ["an unknown key", { aws: { region: "eu-central-1", tag: {} } }, "muster:aws.tag", /did you mean tags/],
  ["an unknown key of an entry", entry({ type: ["c7g.2xlarge"] }), `${p}.type`, /did you mean types/],
  [
    "an unknown key of the manager",
    { manager: { on: "aws", directory: "x" } },
    "muster:manager.directory",
    /not a setting/,
  ],
  ["a misspelt type", entry({ types: ["c8g.2xlagre"] }), `${p}.types.0`, /did you mean c8g\.2xlarge/],
  ["a type twice", entry({ types: ["c8g.2xlarge", "c8g.2xlarge"] }), `${p}.types.1`, /given once/],
  ["no types", entry({ types: [] }), `${p}.types`, /list of machine types/],
  [
    "mixed architectures in an entry",
    entry({ types: ["c8g.2xlarge", "c7i.2xlarge"] }),
    `${p}.types.1`,
    /one architecture/,
  ],
  [
    "a GPU and none in an entry",
    entry({ types: ["c8g.2xlarge", "g5g.2xlarge"] }),
    `${p}.types.1`,
    /do not mix/,
  ],
  [
    "x64 types for ARM64",
    entry({ types: ["c7i.2xlarge"] }, { labels: ["ARM64"] }),
    `${p}.types.0`,
    /promises arm64/,
  ],
  [
    "arm64 types for X64",
    entry({ types: ["c7g.2xlarge"] }, { labels: ["x64"] }),
    `${p}.types.0`,
    /promises x64/,
  ],
  ["x64 GPUs for gpu-arm64", gpuPool(["gpu-arm64"], ["g6.2xlarge"]), `${p}.types.0`, /promises arm64/],
  ["gpu without a GPU", gpuPool(undefined, ["c7g.2xlarge"]), `${p}.types.0`, /no GPU/],
  [
    "gpu of another vendor",
    entry({ types: ["g5g.2xlarge"] }, { gpu: "amd" }),
    "muster:pools.p.gpu",
    /NVIDIA/,
  ],
  ["g4ad", entry({ types: ["g4ad.xlarge"] }), `${p}.types.0`, /ROCm/],
  [
    "too few cores",
    entry({ types: ["c8g.large"] }),
    `${p}.types.0`,
    /2 cores and 4 GB; allowed are at least 4 cores and 8 GB/,
  ],
  [
    "a slow network",
    entry({ types: ["t4g.micro"], small: true }),
    `${p}.types.0`,
    /64 Mbit\/s.*at least 100/,
  ],
  ["a small disk", entry({ disk: 50 }), `${p}.disk`, /at least 100 GB/],
  ["fixed and spot", entry({ fixed: 1, market: "spot" }), `${p}.market`, /cannot be spot/],
  [
    "fixed and two types",
    entry({ fixed: 1, types: ["c7g.2xlarge", "c8g.2xlarge"] }),
    `${p}.types`,
    /one type/,
  ],
  ["more fixed than max", entry({ fixed: 3 }, { max: 2 }), "muster:pools.p.max", /at least 3/],
  ["a market", entry({ market: "sopt" }), `${p}.market`, /did you mean spot/],
  ["an image", entry({ image: "ubuntu" }), `${p}.image`, /ami-0123/],
  ["a group", entry({ securityGroupIds: ["default"] }), `${p}.securityGroupIds.0`, /sg-0123/],
  ["a profile", entry({ instanceProfile: "a b" }), `${p}.instanceProfile`, /instance profile/],
  [
    "a profile whose role nobody named",
    entry({ instanceProfile: "arn:aws:iam::123456789012:instance-profile/ci/builder" }),
    `${p}.instanceProfileRole`,
    /get-instance-profile --instance-profile-name builder /,
  ],
  [
    "a role without a profile",
    entry({ instanceProfileRole }),
    `${p}.instanceProfileRole`,
    /no instanceProfile/,
  ],
  [
    "a role that is a name",
    entry({ instanceProfile: "builder", instanceProfileRole: "builder" }),
    `${p}.instanceProfileRole`,
    /ARN of a role/,
  ],
  ["a price", entry({ price: 0 }), `${p}.price`, /USD per hour/],
  ["a backend", { pools: { p: { backends: ["asw"] } } }, "muster:pools.p.backends.0", /did you mean aws/],
  [
    "a backend that comes later",
    { pools: { p: { backends: [{ hetzner: {} }] } } },
    "muster:pools.p.backends.0",
    /not built yet/,
  ],
  [
    "this computer from AWS",
    { pools: { p: { backends: ["local"] } } },
    "muster:pools.p.backends.0",
    /stack of its own/,
  ],
  [
    "strangers on fixed machines",
    entry({ fixed: 1 }, { publicRepositories: "allow" }),
    "muster:pools.p.publicRepositories",
    /without fixed/,
  ],
  [
    "strangers with reuse",
    entry({}, { publicRepositories: "allow", reuse: true }),
    "muster:pools.p.publicRepositories",
    /reuse: false/,
  ],
  [
    "public where all is private",
    { manager: { on: "aws", public: true } },
    "muster:manager.public",
    /leave it out/,
  ],
  [
    "an x64 manager",
    { manager: { on: "aws", type: "c7i.large" } },
    "muster:manager.type",
    /an x64 type; allowed is a Graviton/,
  ],
  ["a manager with a GPU", { manager: { on: "aws", type: "g5g.xlarge" } }, "muster:manager.type", /a GPU/],
  [
    "a manager that is not known",
    { manager: { on: "aws", type: "t4g.nanno" } },
    "muster:manager.type",
    /did you mean t4g\.nano/,
  ],
  ["a place", { manager: { on: "asw" } }, "muster:manager.on", /did you mean aws/],
  ["too many zones", { network: { zones: 9 } }, "muster:network.zones", /1 to 6/],
  [
    "a zone elsewhere",
    { network: { zones: ["eu-central-1a", "eu-west-1a"] } },
    "muster:network.zones.1",
    /no machines in eu-west-1/,
  ],
  [
    "a zone twice",
    { network: { zones: ["eu-central-1a", "eu-central-1a"] } },
    "muster:network.zones.1",
    /given once/,
  ],
  ["a VPC without subnets", { network: { vpcId: vpc.vpcId } }, "muster:network.subnetIds", /missing/],
  ["subnets without a VPC", { network: { subnetIds: vpc.subnetIds } }, "muster:network.vpcId", /missing/],
  [
    "a subnet's id",
    { network: { ...vpc, subnetIds: { a: "eu-central-1a" } } },
    "muster:network.subnetIds.a",
    /subnet-0123/,
  ],
  [
    "a subnet of another region",
    { network: { ...vpc, subnetIds: { "subnet-01234567": "us-east-1a" } } },
    "muster:network.subnetIds.subnet-01234567",
    /eu-central-1, the home region/,
  ],
  ["private with a VPC", { network: { ...vpc, private: true } }, "muster:network.private", /not a setting/],
  [
    "two regions in a VPC",
    { ...entry({ region: "us-east-1" }), network: vpc },
    "muster:network.vpcId",
    /in one region/,
  ],
  [
    "a key's alias",
    { aws: { region: "eu-central-1", kmsKeyId: "alias/muster" } },
    "muster:aws.kmsKeyId",
    /ARN of a key/,
  ],
  [
    "a key elsewhere",
    { aws: { region: "eu-central-1", kmsKeyId: arn("kms:us-east-1:123456789012:key/abc") } },
    "muster:aws.kmsKeyId",
    /a key in us-east-1/,
  ],
  [
    "a key and two regions",
    {
      ...entry({ region: "us-east-1" }),
      aws: { region: "eu-central-1", kmsKeyId: arn("kms:eu-central-1:123456789012:key/abc") },
    },
    "muster:aws.kmsKeyId",
    /of one region/,
  ],
  [
    "a boundary",
    { aws: { region: "eu-central-1", permissionsBoundary: "boundary" } },
    "muster:aws.permissionsBoundary",
    /ARN of a policy/,
  ],
  [
    "a proxy with a login",
    { aws: { region: "eu-central-1", proxy: "http://me:pw@proxy:3128" } },
    "muster:aws.proxy",
    /without a login/,
  ],
  ["noProxy alone", { aws: { region: "eu-central-1", noProxy: ["a"] } }, "muster:aws.noProxy", /no proxy/],
  ["a certificate", { aws: { region: "eu-central-1", extraCa: "x" } }, "muster:aws.extraCa", /PEM/],
  [
    "a tag of AWS",
    { aws: { region: "eu-central-1", tags: { "aws:a": "b" } } },
    "muster:aws.tags",
    /does not begin with aws:/,
  ],
  [
    "a prefix",
    { aws: { region: "eu-central-1", namePrefix: "Muster" } },
    "muster:aws.namePrefix",
    /small letters/,
  ],
  [
    "an address",
    { aws: { region: "eu-central-1", alarmsTo: "me" } },
    "muster:aws.alarmsTo",
    /address of mail/,
  ],
  ["a port", { manager: { on: "aws", agentsPort: 0 } }, "muster:manager.agentsPort", /1 to 65535/],
  [
    "the same port twice",
    { manager: { on: "aws", agentsPort: 7117 } },
    "muster:manager.agentsPort",
    /another port/,
  ],
  [
    "a parameter's name",
    { manager: { on: "aws", secretParameters: { githubToken: "token" } } },
    "muster:manager.secretParameters.githubToken",
    /begins with a slash/,
    [],
  ],
  [
    "a secret twice",
    { manager: { on: "aws", secretParameters: { githubToken: "/acme/token" } } },
    "muster:githubToken",
    /given twice/,
  ],
  [
    "a parameter that is not used",
    { manager: { on: "aws", secretParameters: { githubAppKey: "/acme/key" } } },
    "muster:manager.secretParameters.githubAppKey",
    /not used/,
  ],
  ["no credentials", {}, "muster:githubToken", /missing; pulumi config set --secret/, []],
])("%s is refused with what is allowed", (_what, values, path, text, secretKeys) => {
  const all = wrongOf(values, secretKeys);
  expect(all.map((wrong) => wrong.path)).toEqual([path]);
  expect(all[0]!.allowed).toMatch(text);
});

test("architectures and GPUs do not mix in a pool either", () => {
  const mixed = (one: string, two: string) =>
    wrongOf({ pools: { p: { backends: [{ aws: { types: [one] } }, { aws: { types: [two] } }] } } })[0]!
      .allowed;
  expect(mixed("c8g.2xlarge", "c7i.2xlarge")).toContain("make it two pools");
  expect(mixed("c8g.2xlarge", "g5g.2xlarge")).toContain("only one has a GPU");
});

test("AWS from a manager on this computer is refused with the cure, and so is what only it would need", () => {
  const local = { manager: { on: "local" }, aws: undefined, trustJobs: true };
  expect(wrongOf({ ...local, ...entry({}) })[0]!.allowed).toContain("muster:manager = { on: aws }");
  expect(wrongOf({ ...local, aws: { region: "eu-central-1" } })[0]!.allowed).toContain(
    "config rm muster:aws",
  );
});

test("small: true allows less than the minimum", () => {
  const got = entryOf(entry({ types: ["c8g.large"], small: true, disk: 30 }));
  expect([got.types[0]!.cores, got.diskGb]).toEqual([2, 30]);
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
    `${p}.disk`,
  ]);
});
