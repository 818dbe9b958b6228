/** What the manager's machine reads: the object it watches, with the manager's settings inside. */
import { join } from "node:path";
import { configVersion, type AwsBackend, type ManagerConfig } from "../../agent/manager-config.ts";
import { currentVersion, hostPaths, type CurrentObject } from "../../agent/manager-host.ts";
import { runnerPrefix } from "./cache.ts";
import type { AwsManagerSettings } from "./settings.ts";

export interface AwsConfigArgs {
  stack: { project: string; name: string };
  github: ManagerConfig["github"];
  budget: ManagerConfig["budget"];
  manager: AwsManagerSettings;
  /** Pool name -> its settings without backends. */
  pools: Readonly<Record<string, Omit<ManagerConfig["pools"][string], "backends">>>;
  /** Known once Pulumi made the resources. */
  made: {
    /** Pool name -> its entries. */
    backends: Readonly<Record<string, AwsBackend[]>>;
    addresses: string[];
    ca: string;
    certificate: string;
    /** The cache's bucket. */
    cacheBucket: string;
  };
  /** Of that bucket. */
  region: string;
  /** Secret of ManagerSecrets -> SSM parameter. */
  secrets: Readonly<Record<string, string>>;
  /** SHA-256 of each program. */
  files: CurrentObject["files"];
}

/** `manager.mjs` of that hash on the manager's machine: every version has a folder of its own. */
export const hostFile = (sha256: string, name: string): string =>
  join(hostPaths.programs, "files", sha256, name);

export const awsManagerConfig = (args: Omit<AwsConfigArgs, "secrets">): ManagerConfig => {
  const { stack, github, budget, manager, pools, made, region, files } = args;
  const program = (name: "manager.mjs" | "runner.mjs") => ({
    path: hostFile(files[name], name),
    sha256: files[name],
  });
  return {
    version: configVersion,
    stack,
    github,
    budget,
    pools: Object.fromEntries(
      Object.entries(pools).map(([name, pool]) => [name, { ...pool, backends: made.backends[name] ?? [] }]),
    ),
    manager: {
      port: manager.port,
      directory: hostPaths.data,
      socket: join(hostPaths.run, "control.sock"),
      managerBundle: program("manager.mjs"),
      runnerBundle: program("runner.mjs"),
      drainTimeoutSeconds: manager.drainTimeoutSeconds,
      readable: [],
      hidden: [],
      unconfined: false,
      mirror: { bucket: made.cacheBucket, region, prefix: runnerPrefix },
      agents: {
        port: manager.agentsPort,
        addresses: made.addresses,
        ca: made.ca,
        certificate: made.certificate,
        reach: manager.reach,
      },
    },
  };
};

/** The content of `manager/current.json`. */
export const currentObjectOf = (args: AwsConfigArgs): CurrentObject => ({
  version: currentVersion,
  files: args.files,
  config: awsManagerConfig(args),
  secrets: { ...args.secrets },
});
