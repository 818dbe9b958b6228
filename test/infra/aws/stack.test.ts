import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { currentObject } from "../../../agent/manager-host.ts";
import { wantedOf } from "../../../agent/updater/wanted.ts";
import { onAws, type AwsStackArgs } from "../../../infra/aws/stack.ts";
import * as pulumi from "@pulumi/pulumi";
import { awsSettings, entry, graphOf, home, peer } from "./graph.ts";
import { costs, managerSettings, poolSettings } from "./rig.ts";

const bundle = (digit: string) => ({
  path: join(import.meta.dirname, "stack.test.ts"),
  sha256: digit.repeat(64),
  bytes: 1,
});

/** Packed beside itself, so it lies in a folder of its own. */
const folder = mkdtempSync(join(tmpdir(), "muster-stack-"));
const script = join(folder, "script.cjs");
writeFileSync(script, "");
afterAll(() => rmSync(folder, { recursive: true }));
const held = { path: script, sha256: createHash("sha256").update("").digest("hex"), bytes: 0 };

const argsOf = (over: Partial<AwsStackArgs> = {}): AwsStackArgs => ({
  stack: { project: "muster", name: "dev" },
  github: { url: "https://github.com/acme", login: { kind: "token" }, source: "auto" },
  budget: null,
  manager: managerSettings,
  aws: awsSettings(),
  pools: {
    arm64: {
      ...poolSettings,
      backends: [entry(), entry({ name: "on-demand-eu-central-1", market: "on-demand" })],
    },
  },
  costs,
  bundles: {
    manager: bundle("1"),
    runner: bundle("2"),
    updater: bundle("3"),
    leaving: held,
    "spot-role": held,
  },
  node: {
    version: "24.0.0",
    integrity: `sha512-${Buffer.alloc(64, 7).toString("base64")}`,
    sha512: Buffer.alloc(64, 7).toString("hex"),
    url: "https://npm.example/node-24.0.0.tgz",
    path: null,
  },
  secrets: { githubToken: pulumi.secret("planted") },
  ...over,
});

class Root extends pulumi.ComponentResource {
  constructor() {
    super("muster:index:Runners", "runners");
  }
}

const stackOf = (over: Partial<AwsStackArgs> = {}) =>
  graphOf(() => onAws("runners", argsOf(over), new Root()));

const currentOf = ({ all }: Awaited<ReturnType<typeof stackOf>>) => {
  const found = all("s3/bucketObjectv2:BucketObjectv2").find(
    ({ inputs }) => inputs.key === "manager/current.json",
  );
  return currentObject.parse(JSON.parse(found!.inputs.content));
};

test("the manager reads the pools' templates in the order of the settings", async () => {
  const current = currentOf(await stackOf());
  expect(current.config.pools["arm64"]!.backends).toMatchObject([
    { name: "spot-eu-central-1", template: { id: "runners-pool-arm64-spot-eu-central-1-id", version: 3 } },
    { name: "on-demand-eu-central-1" },
  ]);
  expect(current.config.manager.agents!.addresses).toHaveLength(1);
});

test("the updater takes up what the program writes to bucket and parameter, and no other server of GitHub", async () => {
  const graph = await stackOf();
  const parameter = graph.one("ssm/parameter:Parameter", "runners-manager-store-files").insecureValue;
  const current = graph
    .all("s3/bucketObjectv2:BucketObjectv2")
    .find(({ inputs }) => inputs.key === "manager/current.json")!.inputs.content as string;
  expect(wantedOf(current, parameter, "/files")).toMatchObject({ problem: null });
  const elsewhere = current.replace("https://github.com/acme", "https://github.example/acme");
  expect(() => wantedOf(elsewhere, parameter, "/files")).toThrow("other settings of GitHub");
});

test("a machine's user data fits EC2 and names where the manager is", async () => {
  const graph = await stackOf();
  const { userData } = graph.one("ec2/launchTemplate:LaunchTemplate", "runners-pool-arm64-spot-eu-central-1");
  const text = Buffer.from(userData, "base64").toString();
  expect(text).toContain(currentOf(graph).config.manager.agents!.addresses[0]);
  expect(text.length).toBeLessThan(16 * 1024);
});

test("of machines with an instance profile jobs may ask the metadata, of the pool's others not", async () => {
  const { arm64 } = argsOf().pools;
  const backends = [entry({ instanceProfile: "ci" }), entry({ name: "bare" })];
  const graph = await stackOf({ pools: { arm64: { ...arm64!, backends } } });
  const reachOf = (name: string) => {
    const { userData } = graph.one("ec2/launchTemplate:LaunchTemplate", `runners-pool-arm64-${name}`);
    return /^reach='(.*)'$/m.exec(Buffer.from(userData, "base64").toString())![1];
  };
  expect([reachOf("spot-eu-central-1"), reachOf("bare")]).toEqual(["169.254.169.254:80", ""]);
});

test("two regions are peered, each with its own provider, and the manager admits the other's network", async () => {
  const graph = await stackOf({ aws: awsSettings({ regions: [home, peer] }) });
  expect(graph.all("ec2/vpcPeeringConnection:VpcPeeringConnection")).toHaveLength(1);
  const ingress = graph.all("vpc/securityGroupIngressRule:SecurityGroupIngressRule");
  expect(ingress.map(({ inputs }) => inputs.cidrIpv4 ?? "group")).toEqual(["10.65.0.0/16", "group"]);
  const providers = new Set(
    graph.made.filter(({ type }) => type.startsWith("aws:")).map(({ provider }) => provider),
  );
  expect([...providers].sort()).toEqual(["runners-eu-central-1", "runners-us-east-1"]);
});

test("what the stack tells names its pools, its manager and how to reach it, and no secret", async () => {
  const { result } = await stackOf();
  expect(result).toMatchObject({
    reach: "private",
    region: "eu-central-1",
    pools: { arm64: "runs-on: [self-hosted, linux, ARM64]" },
    networks: { "eu-central-1": "runners-eu-central-1-vpc-id" },
    cacheBucket: "muster-dev-cache-1",
    logGroup: "muster-dev-manager",
    alarmTopic: null,
  });
  expect(result.commands.shell).toBe(
    `aws ssm start-session --region eu-central-1 --target ${result.manager}`,
  );
  expect(JSON.stringify(result)).not.toContain("planted");
});

test("a destroy drains, then ends the manager, then sweeps what it launched, then takes networks and secrets", async () => {
  const { made } = await stackOf();
  const after = (name: string) => made.find((one) => one.name === name)!.after;
  expect(after("runners-drain")).toContain("runners-manager-host-instance");
  expect(after("runners-manager-host-instance")).toContain("runners-sweep");
  expect(after("runners-sweep")).toEqual(
    expect.arrayContaining([
      "runners-eu-central-1-vpc",
      "runners-eu-central-1-public-internet",
      "runners-manager-store-githubToken",
    ]),
  );
});

test("the manager starts when the account has its role for spot machines", async () => {
  const { made } = await stackOf();
  expect(made.find(({ name }) => name === "runners-manager-host-instance")!.after).toContain(
    "runners-spot-role",
  );
});

test("a manager that drains keeps its way out and the other region's way in", async () => {
  const { made } = await stackOf({ aws: awsSettings({ regions: [home, peer] }) });
  const machine = made.find(({ name }) => name === "runners-manager-host-instance")!;
  const ways = made
    .filter(({ type }) => /Eip$|PeeringConnection|:Route$|RouteTableAssociation$/.test(type))
    .map(({ name }) => name);
  expect(ways).toContain("runners-endpoint-elastic");
  expect(ways).toContain("runners-eu-central-1-us-east-1");
  expect(machine.after).toEqual(expect.arrayContaining(ways));
});

test("what leaves is told where machines are and which parameter holds the credential, not the credential", async () => {
  const { made } = await stackOf();
  const optionsOf = (name: string) => {
    const { environment } = made.find((one) => one.name === name)!.inputs;
    return JSON.parse(Object.values(environment as Record<string, string>)[0]!);
  };
  expect(optionsOf("runners-sweep")).toMatchObject({
    stack: { project: "muster", name: "dev" },
    regions: ["eu-central-1"],
    pools: ["arm64"],
    secrets: { githubToken: "/muster-dev/secrets/githubToken" },
  });
  expect(optionsOf("runners-drain")).toMatchObject({
    regions: { "eu-central-1": ["arm64"] },
    timeoutSeconds: 600,
  });
});
