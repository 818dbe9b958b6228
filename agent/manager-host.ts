/**
 * What the Pulumi program leaves for a manager's machine (`manager.on: aws`) and what comes back. The machine looks at
 * one object of fixed name; everything that changes comes through it, so that nothing has to be replaced.
 * One of the files of agent/ that infra/ may import (eslint.config.js lists them).
 *
 *   s3://BUCKET/manager/current.json            CurrentObject, written by Pulumi
 *   s3://BUCKET/manager/draining.json           DrainOrder, written by the drain command of a destroy or a removed pool
 *   s3://BUCKET/manager/files/SHA256/NAME       bundles and Node, never changed
 *   s3://BUCKET/status/host.json                HostStatus, written by the machine: the only thing it may write
 *   SSM parameter PREFIX/files                  FilesParameter: the hashes a second time, outside the bucket, and one of
 *                                               where the credential goes
 *   SSM parameters PREFIX/secrets/NAME          SecureString, one for each of ManagerSecrets; keys of the CA's generation
 *                                               N as caKey-N and certificateKey-N
 */
import { createHash } from "node:crypto";
import * as z from "zod";
import { managerConfig } from "./manager-config.ts";

/** Raised when an older machine could not read the object. */
export const currentVersion = 1;

export const currentKey = "manager/current.json";
export const drainingKey = "manager/draining.json";
export const statusKey = "status/host.json";
export const fileKey = (sha256: string, name: string): string => `manager/files/${sha256}/${name}`;

/** Programs of the machine. `updater` is what watches the object and swaps the manager. */
export const hostFileNames = ["manager.mjs", "runner.mjs", "updater.mjs"] as const;
export type HostFileName = (typeof hostFileNames)[number];

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** Hash of each file. Bucket and parameter must agree before anything of it is run: no one of them is enough. */
export const filesParameter = z.record(z.enum(hostFileNames), sha256);
export type FilesParameter = z.infer<typeof filesParameter>;

/**
 * Beside the programs in the parameter: {@link githubHash} of the settings. Whoever can write the bucket alone could name a
 * server of their own there, and the manager would log in to it with the credential.
 */
export const githubHashName = "github";

/** SHA-256 of `config.github`, whatever the order of its keys. */
export const githubHash = (github: unknown): string => {
  const sorted = (_key: string, value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return createHash("sha256").update(JSON.stringify(github, sorted)).digest("hex");
};

export const currentObject = z.object({
  version: z.literal(currentVersion),
  files: filesParameter,
  /** As the manager reads it; paths are those of the machine. */
  config: managerConfig,
  /** Secret of ManagerSecrets -> name of the SSM parameter that holds it. */
  secrets: z.record(z.string(), z.string().min(1)),
});
export type CurrentObject = z.infer<typeof currentObject>;

/** No order counts for longer, whatever it says, and no setting asks for more (infra/schema-parts.ts): five days. */
export const drainSecondsMax = 120 * 3_600;

export const drainOrder = z.object({
  /** Null: the whole stack. */
  pools: z.nullable(z.array(z.string().min(1))),
  timeoutSeconds: z.number().min(0),
  /** Named in the status when it was taken up, so that whoever wrote it knows. */
  id: z.string().min(1),
});
export type DrainOrder = z.infer<typeof drainOrder>;

/** Written after every change and at least every minute. */
export const hostStatus = z.object({
  /** ISO 8601. */
  at: z.string(),
  /** Hash of the manager bundle that runs; null before the first. */
  manager: z.nullable(sha256),
  /** The manager answers /healthz. */
  healthy: z.boolean(),
  /** A wanted bundle that did not become healthy, and why; null when what is wanted runs. */
  refused: z.nullable(z.object({ manager: sha256, reason: z.string() })),
  /** The drain order in force, and machines still busy. */
  drain: z.nullable(z.object({ id: z.string(), left: z.nullable(z.int()), done: z.boolean() })),
  /** What went wrong last, for people; null when nothing did. */
  problem: z.nullable(z.string()),
});
export type HostStatus = z.infer<typeof hostStatus>;

/** Where things lie on the manager's machine. */
export const hostPaths = {
  /** Node, programs: root's, read-only to the manager. */
  programs: "/opt/muster",
  /** Journal, history: the protected volume. */
  data: "/var/lib/muster",
  /** The manager's control socket; the folder is the manager's alone. */
  run: "/run/muster",
  /** Settings and secrets of the manager: root's, gone with the power. */
  updater: "/run/muster-updater",
} as const;

/** What the machine tells CloudWatch each minute, with the stack, `PROJECT/STACK`, as the dimension; alarms look at it. */
export const hostMetrics = {
  /** One a stack: rights to write figures can be limited to a namespace, and to nothing narrower. */
  namespace: (stack: string): string => `muster/${stack}`,
  dimension: "Stack",
  /** 1 while the manager answers /healthz; missing when the machine is silent. */
  heartbeat: "Heartbeat",
  /** Percent of the data volume. */
  dataUsed: "DataUsed",
} as const;
