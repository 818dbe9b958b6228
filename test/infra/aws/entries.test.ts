/** What a pool says of AWS: an entry of its `backends`. */
import { expect, test } from "vitest";
import {
  awsEntry as entry,
  entryOf,
  instanceProfileRole,
  parseAws,
  poolOf,
  refusal,
  wrongOf,
} from "./rig.ts";

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

test("small: true allows less than the minimum", () => {
  const got = entryOf(entry({ types: ["c8g.large"], small: true, disk: 30 }));
  expect([got.types[0]!.cores, got.diskGb]).toEqual([2, 30]);
});

const gpuPool = (labels: string[] | undefined, types: string[]) =>
  entry({ types }, { gpu: true, ...(labels && { labels }) });
const p = "muster:pools.p.backends.0.aws";

test.each<[string, Record<string, unknown>, string, RegExp, string[]?]>([
  ["an unknown key of an entry", entry({ type: ["c7g.2xlarge"] }), `${p}.type`, /did you mean types/],
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
])("%s is refused with what is allowed", (_what, values, path, text, secretKeys) => {
  refusal(values, path, text, secretKeys);
});

test("architectures and GPUs do not mix in a pool either", () => {
  const mixed = (one: string, two: string) =>
    wrongOf({ pools: { p: { backends: [{ aws: { types: [one] } }, { aws: { types: [two] } }] } } })[0]!
      .allowed;
  expect(mixed("c8g.2xlarge", "c7i.2xlarge")).toContain("make it two pools");
  expect(mixed("c8g.2xlarge", "g5g.2xlarge")).toContain("only one has a GPU");
});
