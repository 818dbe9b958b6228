/**
 * Which settings replace what of the manager, for every setting there is. What replaces a resource is what the provider
 * says of its type; whoever refers to a replaced one sees another id, as in a preview.
 */
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { afterAll, expect, test } from "vitest";
import { Runners } from "../../../infra/stack.ts";
import { awsProvider } from "../../engine/standin/aws/provider.ts";
import { graphOf } from "./graph.ts";
import { awsInput } from "./rig.ts";
import { parseSettings } from "../../../infra/settings.ts";

type Values = Record<string, unknown>;
const root = join(import.meta.dirname, "../../..");
const { kinds } = awsProvider({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" });

/** Nothing here says another name: an input that does not count can change without another id. */
const idOf = (made: Parameters<NonNullable<Parameters<typeof graphOf>[1]>>[0]): string => {
  const { type, name, inputs, provider, options } = made;
  const replace = kinds[type]?.replace ?? [];
  const given = Object.keys(inputs as object);
  const keys = typeof replace === "function" ? replace(given, {}, inputs as Values) : replace;
  const ignored = options.ignoreChanges.map((path) => path.split(".")[0]!);
  const counting = keys.filter((key) => key in inputs && !ignored.includes(key)).sort();
  const text = JSON.stringify([provider, counting.map((key) => [key, inputs[key]])]);
  return `${name}-${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
};

/** Packed beside itself, so it lies in a folder of its own. */
const folder = mkdtempSync(join(tmpdir(), "muster-replacements-"));
const path = join(folder, "bundle.cjs");
writeFileSync(path, "");
afterAll(() => rmSync(folder, { recursive: true }));
const bundle = { path, sha256: createHash("sha256").update("").digest("hex"), bytes: 0 };
const programs = {
  bundles: { manager: bundle, runner: bundle, updater: bundle, leaving: bundle, "spot-role": bundle },
  node: {
    version: "24.0.0",
    integrity: `sha512-${"A".repeat(86)}==`,
    sha512: "0",
    url: "https://npm.example",
    path: null,
  },
};

/** Names of the secrets that are set. */
const secretsOf = ({ github: login, manager: at }: Values): string[] => {
  if ("secretParameters" in (at as object)) return [];
  return "app" in (login as object) ? ["githubAppKey"] : ["githubToken"];
};

/** What of the manager lasts -> its id. */
const lasting = async (values: Values): Promise<Record<string, string>> => {
  const ids: Record<string, string> = {};
  const names: Record<string, string> = {
    "runners-manager-host-instance": "machine",
    "runners-manager-host-data": "data",
    "runners-endpoint-address": "address",
    "runners-manager-store-bucket": "bucket",
  };
  const input = awsInput(values, secretsOf(values));
  await graphOf(
    () =>
      new Runners("runners", {
        ...programs,
        stack: { project: "muster", name: "dev" },
        settings: parseSettings(input),
        confinement: input.confinement,
        secrets: { githubToken: pulumi.secret("planted") },
      }),
    (made) => {
      const id = idOf(made);
      const called = names[made.name];
      if (called !== undefined && kinds[made.type]) ids[called] = id;
      return id;
    },
  );
  expect(Object.keys(ids).sort()).toEqual(["address", "bucket", "data", "machine"]);
  return ids;
};

const types = ["c8g.2xlarge", "c7g.2xlarge"];
const base = {
  github: { url: "https://github.com/acme" },
  manager: { on: "aws", type: "t4g.micro" },
  aws: { region: "eu-central-1", proxy: "http://proxy.acme.example:3128" },
  network: { zones: ["eu-central-1a", "eu-central-1b"] },
  pools: { p: { labels: ["self-hosted", "linux", "ARM64"], max: 4, backends: [{ aws: { types } }] } },
} satisfies Values;
const network = {
  vpcId: "vpc-0123456789abcdef0",
  subnetIds: { "subnet-0123456789abcdef0": "eu-central-1a" },
};
const existing = { ...base, network };
const role = { instanceProfile: "ci", instanceProfileRole: "arn:aws:iam::123456789012:role/ci" };

const github = (more: Values) => ({ ...base, github: { ...base.github, ...more } });
const manager = (more: Values) => ({ ...base, manager: { ...base.manager, ...more } });
const aws = (more: Values) => ({ ...base, aws: { ...base.aws, ...more } });
const own = (more: Values) => ({ ...base, network: { ...base.network, ...more } });
const given = (more: Values) => ({ ...base, network: { ...network, ...more } });
const pool = (more: Values) => ({ ...base, pools: { p: { ...base.pools.p, ...more } } });
const entry = (more: Values) => pool({ backends: [{ aws: { types, ...more } }] });

type What = "machine" | "data" | "address" | "bucket";
const nothing: What[] = [];
const key = "arn:aws:kms:eu-central-1:123456789012:key/1";
const pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/** Setting, as in the schema -> what it replaces, and an edit of it (from another stack than `base`, where that is needed). */
const table: Record<string, [replaces: What[], edited: Values, from?: Values]> = {
  "github.url": [nothing, github({ url: "https://github.com/other" })],
  "github.app.id": [nothing, github({ app: { id: 1, installation: 2 } })],
  "github.app.installation": [
    nothing,
    github({ app: { id: 1, installation: 3 } }),
    github({ app: { id: 1, installation: 2 } }),
  ],
  "github.source": [nothing, github({ source: "queued-runs" })],
  "manager.type": [nothing, manager({ type: "t4g.small" })],
  "manager.port": [nothing, manager({ port: 7_200 })],
  "manager.agentsPort": [nothing, manager({ agentsPort: 7_500 })],
  "manager.drainTimeout": [nothing, manager({ drainTimeout: "5m" })],
  "manager.ca.generation": [nothing, manager({ ca: { generation: 2 } })],
  "manager.ca.retired": [
    nothing,
    manager({ ca: { generation: 2, retired: 1 } }),
    manager({ ca: { generation: 2 } }),
  ],
  "aws.region": [
    ["address", "bucket", "data", "machine"],
    { ...aws({ region: "eu-west-1" }), network: { zones: 2 } },
    { ...base, network: { zones: 2 } },
  ],
  "aws.tags.*": [nothing, aws({ tags: { team: "build" } })],
  "aws.namePrefix": [["bucket"], aws({ namePrefix: "acme-ci" })],
  "aws.permissionsBoundary": [nothing, aws({ permissionsBoundary: "arn:aws:iam::123456789012:policy/b" })],
  "aws.kmsKeyId": [["data"], aws({ kmsKeyId: key })],
  "aws.proxy": [nothing, aws({ proxy: "http://other.acme.example:3128" })],
  "aws.noProxy": [nothing, aws({ noProxy: ["acme.example"] })],
  "aws.extraCa": [nothing, aws({ extraCa: pem })],
  "aws.cache.days": [nothing, aws({ cache: { days: 3 } })],
  "aws.cache.retain": [nothing, aws({ cache: { retain: true } })],
  "aws.alarmsTo": [nothing, aws({ alarmsTo: "ops@acme.example" })],
  "network.private": [["address", "machine"], own({ private: true })],
  "network.zones": [["address", "data", "machine"], own({ zones: ["eu-central-1b"] })],
  "network.vpcId": [nothing, given({ vpcId: "vpc-1123456789abcdef0" }), existing],
  "network.subnetIds.*": [
    ["address", "machine"],
    given({ subnetIds: { "subnet-1123456789abcdef0": "eu-central-1a" } }),
    existing,
  ],
  "network.public": [nothing, given({ public: true }), existing],
  "network.securityGroupIds": [nothing, given({ securityGroupIds: ["sg-0123456789abcdef0"] }), existing],
  "pools.*.labels": [nothing, pool({ labels: ["self-hosted", "linux", "ARM64", "big"] })],
  "pools.*.max": [nothing, pool({ max: 5 })],
  "pools.*.minIdle": [nothing, pool({ minIdle: 1 })],
  "pools.*.idleTimeout": [nothing, pool({ idleTimeout: "1m" })],
  "pools.*.maxJobTime": [nothing, pool({ maxJobTime: "1h" })],
  "pools.*.reuse": [nothing, pool({ reuse: true })],
  "pools.*.gpu": [nothing, pool({ gpu: true, backends: [{ aws: { types: ["g5g.2xlarge"] } }] })],
  "pools.*.runnerGroup": [nothing, pool({ runnerGroup: "ci" })],
  "pools.*.publicRepositories": [nothing, pool({ publicRepositories: "allow" })],
  "pools.*.rerun": [nothing, pool({ rerun: "never" })],
  "pools.*.shareLabels": [nothing, pool({ shareLabels: true })],
  "pools.*.backends": [
    nothing,
    pool({ backends: [{ aws: { types } }, { aws: { types, market: "on-demand" } }] }),
  ],
  "pools.*.backends.aws.types": [nothing, entry({ types: ["m8g.2xlarge"] })],
  "pools.*.backends.aws.market": [nothing, entry({ market: "on-demand" })],
  "pools.*.backends.aws.region": [
    nothing,
    { ...entry({ region: "eu-west-1" }), network: { zones: 2 } },
    { ...base, network: { zones: 2 } },
  ],
  "pools.*.backends.aws.disk": [nothing, entry({ disk: 300 })],
  "pools.*.backends.aws.throughput": [nothing, entry({ throughput: 500 })],
  "pools.*.backends.aws.image": [nothing, entry({ image: "/acme/image" })],
  "pools.*.backends.aws.fixed": [nothing, entry({ fixed: 1, types: types.slice(0, 1) })],
  "pools.*.backends.aws.price": [nothing, entry({ price: 1 })],
  "pools.*.backends.aws.small": [nothing, entry({ small: true, types: ["c7g.large"], disk: 20 })],
  "pools.*.backends.aws.securityGroupIds": [nothing, entry({ securityGroupIds: ["sg-0123456789abcdef0"] })],
  "pools.*.backends.aws.instanceProfile": [nothing, entry(role)],
  "pools.*.backends.aws.instanceProfileRole": [
    nothing,
    entry({ ...role, instanceProfileRole: "arn:aws:iam::123456789012:role/other" }),
    entry(role),
  ],
  "budget.perHour": [nothing, { ...base, budget: { perHour: 2, currency: "USD" } }],
  "budget.currency": [nothing, { ...base, budget: { perHour: 2, currency: "USD" } }],
  "manager.secretParameters.githubToken": [
    nothing,
    manager({ secretParameters: { githubToken: "/acme/token" } }),
  ],
};

/** No edit of a stack on AWS: of a manager on this computer, refused here, or one that cannot be but one value. */
const elsewhere: Record<string, string> = {
  "manager.on": "another place is another stack",
  "pools.*.backends.local": "a pool on this computer",
  "manager.directory": "a manager on this computer",
  "manager.readable": "a manager on this computer",
  "manager.public": "needs machines out of reach, which this version cannot have",
  "manager.secretParameters.githubAppKey": "as githubToken",
  trustJobs: "jobs on this computer",
  "githubToken.secure": "a secret: another value is another parameter's value",
  "githubAppKey.secure": "a secret: another value is another parameter's value",
};

/** Every setting of the schema, by its path. */
const settingsOf = (schema: Values, path = ""): string[] => {
  const inner = ["if", "then", "else", "items"].map((name) => schema[name]);
  const forms = [...inner, ...((schema["anyOf"] ?? schema["oneOf"] ?? []) as unknown[])];
  const below = Object.entries((schema["properties"] ?? {}) as Record<string, Values>);
  const all = schema["additionalProperties"];
  if (typeof all === "object" && all !== null) below.push(["*", all as Values]);
  const found = [
    ...forms.slice(1).flatMap((form) => (form ? settingsOf(form as Values, path) : [])),
    ...below.flatMap(([name, form]) => settingsOf(form, path === "" ? name : `${path}.${name}`)),
  ];
  return [...new Set(found.length > 0 ? found : [path])];
};

test("the table has every setting there is", () => {
  const schema = JSON.parse(readFileSync(join(root, "schema/settings.json"), "utf8")) as {
    properties: { config: Values };
  };
  const there = settingsOf(schema.properties.config).map((path) => path.replace(/^muster:/, ""));
  const known = [...Object.keys(table), ...Object.keys(elsewhere)];
  expect(there.filter((path) => !known.includes(path))).toEqual([]);
  expect(known.filter((path) => !there.includes(path) && !path.endsWith(".backends"))).toEqual([]);
});

test.each(Object.entries(table))("%s", async (_, [replaces, edited, from = base]) => {
  const [before, after] = [await lasting(from), await lasting(edited)];
  const changed = Object.keys(before).filter((what) => before[what] !== after[what]);
  expect(changed.sort()).toEqual(replaces);
});
