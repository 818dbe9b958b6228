/** The manager on AWS with one pool, its programs replaced by a line of text; its settings are what the tests change. */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import { Cache } from "../../../../infra/aws/cache.ts";
import { awsContext } from "../../../../infra/aws/context.ts";
import { Endpoint } from "../../../../infra/aws/endpoint.ts";
import { Manager } from "../../../../infra/aws/manager.ts";
import { Monitoring } from "../../../../infra/aws/monitoring.ts";
import { Network } from "../../../../infra/aws/network.ts";
import { Pool } from "../../../../infra/aws/pool.ts";
import type { AwsBackendSettings, AwsSettings } from "../../../../infra/aws/settings.ts";

export interface Edits {
  type: string;
  zone: string;
  program: string;
  max: number;
  disk: number;
  tags: Record<string, string>;
  alarmsTo: string[];
  boundary: string | null;
  proxy: string | null;
  caGenerations: number[];
  reference: string | null;
  nodeVersion: string;
}
const config = new pulumi.Config("manager-alone");
const edits = config.requireObject<Edits>("edits");
const token = config.getSecret("token");

const folder = join(import.meta.dirname, ".programs");
mkdirSync(folder, { recursive: true });
const digest = (algorithm: string, text: string) => createHash(algorithm).update(text);
const program = (name: string) => {
  const text = `${name} ${edits.program}`;
  const sha256 = digest("sha256", text).digest("hex");
  const path = join(folder, `${sha256}.mjs`);
  writeFileSync(path, text);
  return { path, sha256, bytes: text.length };
};
const node = {
  version: edits.nodeVersion,
  integrity: `sha512-${digest("sha512", edits.nodeVersion).digest("base64")}`,
  sha512: digest("sha512", edits.nodeVersion).digest("hex"),
  url: "https://npm.example/node.tgz",
  path: pulumi.runtime.isDryRun() ? null : program("node").path,
};

const settings: AwsSettings = {
  regions: [{ name: "eu-central-1", zones: [edits.zone], cidr: "10.64.0.0/16" }],
  network: { kind: "own", private: false },
  tags: edits.tags,
  namePrefix: "muster-try",
  permissionsBoundary: edits.boundary,
  kmsKeyId: null,
  proxy: edits.proxy ? { url: edits.proxy, noProxy: [] } : null,
  extraCa: null,
  alarmsTo: edits.alarmsTo,
  cache: { days: 14, retain: false },
};
const entry: AwsBackendSettings = {
  kind: "aws",
  name: "spot-eu-central-1",
  region: "eu-central-1",
  market: "spot",
  types: [
    { name: "c8g.2xlarge", cores: 8, memoryMb: 16384, gpus: 0, microsPerHour: 130_000, currency: "USD" },
  ],
  arch: "arm64",
  gpu: false,
  diskGb: edits.disk,
  diskThroughput: 250,
  diskIops: 3000,
  image: { kind: "ssm", parameter: "/aws/service/canonical/ubuntu/ami-id" },
  fixed: 0,
  securityGroupIds: [],
  instanceProfile: null,
  instanceProfileRole: null,
};

const context = awsContext({ stack: { project: "manager-alone", name: "try" }, settings });
const provider = context.provider("eu-central-1");
const network = new Network(
  "net",
  {
    context,
    region: settings.regions[0],
    agentsPort: 7443,
    home: { public: false, peers: [], ports: [443] },
  },
  { provider },
);
const endpoint = new Endpoint(
  "endpoint",
  {
    context,
    network,
    manager: { reach: "private", agentsPort: 7443, caGenerations: edits.caGenerations },
  },
  { providers: [provider, new tls.Provider("tls")] },
);
const cache = new Cache("cache", { context }, { provider });
const pool = new Pool("pool", {
  context,
  pool: "arm64",
  backends: [entry],
  networks: new Map([[network.region, network]]),
  userData: () => endpoint.ca,
});
const manager = new Manager(
  "manager",
  {
    context,
    manager: {
      type: { name: edits.type, cores: 2, memoryMb: 512, gpus: 0, microsPerHour: 4800, currency: "USD" },
      secretParameters: edits.reference ? { githubToken: edits.reference } : {},
    },
    zone: network.managerSubnet.zone,
    endpoint,
    cache,
    files: {
      "manager.mjs": program("manager"),
      "runner.mjs": program("runner"),
      "updater.mjs": program("updater"),
    },
    node,
    github: { url: "https://github.com/acme", login: { kind: "token" }, source: "auto" },
    backends: { settings: [entry], places: pool.places },
    current: (of) =>
      pulumi.jsonStringify({
        ...of,
        max: edits.max,
        backends: pool.backends,
        ca: endpoint.ca,
        certificate: endpoint.certificate,
      }),
    secrets: token ? { githubToken: token } : {},
    after: () => [network],
  },
  { provider },
);
new Monitoring(
  "monitoring",
  { context, managerType: edits.type, instanceId: manager.instanceId },
  { provider },
);

export const bucket = manager.bucket;
export const instanceId = manager.instanceId;
