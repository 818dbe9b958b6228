import { expect, test } from "vitest";
import { currentObject } from "../../../agent/manager-host.ts";
import { awsManagerConfig, currentObjectOf, type AwsConfigArgs } from "../../../infra/aws/config.ts";
import { entry } from "./graph.ts";
import { managerSettings, poolSettings } from "./rig.ts";

const hash = (digit: string) => digit.repeat(64);

const args: AwsConfigArgs = {
  stack: { project: "muster", name: "dev" },
  github: { url: "https://github.com/acme", login: { kind: "token" }, source: "auto" },
  budget: null,
  manager: managerSettings,
  pools: { arm64: poolSettings },
  made: {
    backends: {
      arm64: [
        {
          kind: "aws",
          name: "spot-eu-central-1",
          region: "eu-central-1",
          market: "spot",
          types: [...entry().types],
          template: { id: "lt-1", version: 3 },
          subnets: [{ id: "subnet-1", zone: "eu-central-1a" }],
          besideMicrosPerHour: 0,
          fixed: [],
        },
      ],
    },
    addresses: ["10.64.16.10"],
    ca: "CA",
    certificate: "CERTIFICATE",
    cacheBucket: "muster-dev-cache-1",
  },
  region: "eu-central-1",
  secrets: { githubToken: "/muster-dev/secrets/githubToken" },
  files: { "manager.mjs": hash("1"), "runner.mjs": hash("2"), "updater.mjs": hash("3") },
};

test("what the machine watches is what the machine can read, every default in it", () => {
  const object = currentObjectOf(args);
  expect(currentObject.parse(JSON.parse(JSON.stringify(object)))).toEqual(object);
});

test("the manager finds its programs, its data and its socket where the machine has them", () => {
  const { manager } = awsManagerConfig(args);
  expect(manager).toMatchObject({
    directory: "/var/lib/muster",
    socket: "/run/muster/control.sock",
    managerBundle: { sha256: hash("1"), path: `/opt/muster/files/${hash("1")}/manager.mjs` },
    runnerBundle: { sha256: hash("2"), path: `/opt/muster/files/${hash("2")}/runner.mjs` },
    mirror: { bucket: "muster-dev-cache-1", region: "eu-central-1", prefix: "runner/" },
    agents: { port: 7443, addresses: ["10.64.16.10"], ca: "CA", certificate: "CERTIFICATE" },
  });
});

test("a pool has the templates that Pulumi made for it", () => {
  expect(awsManagerConfig(args).pools["arm64"]!.backends).toEqual(args.made.backends["arm64"]);
});

test("nothing of it is secret: secrets are names of parameters", () => {
  expect(currentObjectOf(args).secrets).toEqual({ githubToken: "/muster-dev/secrets/githubToken" });
});
