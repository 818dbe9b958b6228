/**
 * What the Pulumi program writes and the manager reads: plain values without a secret, every default filled in.
 * With protocol.ts the only file of agent/ that infra/ may import.
 */
import { dirname, join } from "node:path";
import * as z from "zod";
import { gpuVendors } from "./protocol.ts";

/** Raised when an older manager could not read the file. */
export const configVersion = 1;

const seconds = z.number().min(1);

/**
 * How the manager hears of jobs. `scale-sets`: GitHub's scale set service. `queued-runs`: REST, which reads queued runs and
 * registers runners one by one. `auto`: scale sets, and queued runs for a pool whose set came back with other labels.
 */
export const jobSources = ["auto", "scale-sets", "queued-runs"] as const;
export type JobSource = (typeof jobSources)[number];

export const localBackend = z.object({ kind: z.literal("local") });

/** What the manager must know of a machine type; from infra/catalog.ts or the settings. */
export const machineType = z.object({
  /** As the cloud names it: `c8g.2xlarge`. */
  name: z.string().min(1),
  cores: z.int().min(1),
  memoryMb: z.int().min(1),
  /** Graphics processors. */
  gpus: z.int().min(0),
  /** Millionths of `currency` per hour in this region and market; what spot is counted at before its price is known. */
  microsPerHour: z.int().min(0),
  currency: z.enum(["USD", "EUR"]),
});
export type MachineType = z.infer<typeof machineType>;

/** Machines of one region, market and launch template. */
export const awsBackend = z.object({
  kind: z.literal("aws"),
  /** Name within the pool, such as `spot-eu-central-1`: what offers, tags and reasons call it. */
  name: z.string().min(1),
  region: z.string().min(1),
  market: z.enum(["spot", "on-demand"]),
  types: z.array(machineType).min(1),
  /** Always an explicit version: a repeated client token must stay byte for byte the same. */
  template: z.object({ id: z.string().min(1), version: z.int().min(1) }),
  subnets: z.array(z.object({ id: z.string().min(1), zone: z.string().min(1) })).min(1),
  /**
   * What each machine costs besides its type, in millionths of the types' `currency` per hour: disk and public address. An
   * offer's price, which the budget counts, is the type's (or the spot price, once it is known) and this.
   */
  besideMicrosPerHour: z.int().min(0).default(0),
  /** Instances that Pulumi made: slots, which are never terminated. Empty: machines are launched. */
  fixed: z.array(z.string().min(1)).default([]),
});
export type AwsBackend = z.infer<typeof awsBackend>;

/** One place where a pool's machines come from; the order in the pool is the order of preference. */
export const backendConfig = z.discriminatedUnion("kind", [localBackend, awsBackend]);
export type BackendConfig = z.infer<typeof backendConfig>;

export const poolConfig = z.object({
  labels: z.array(z.string().min(1)).min(1),
  /** Most machines at a time, idle and busy together. */
  max: z.int().min(0),
  /** Machines that wait enrolled, unregistered, exempt from idleTimeout. */
  minIdle: z.int().min(0),
  idleTimeoutSeconds: seconds,
  maxJobSeconds: seconds,
  /** Serve job after job on one machine (trusted pools only) instead of one. */
  reuse: z.boolean(),
  /** Only machines with a working graphics processor, of any vendor or of this one; null: it does not matter. */
  gpu: z.nullable(z.union([z.literal(true), z.enum(gpuVendors)])).default(null),
  /** GitHub runner group; `Default` is the organisation's default group. */
  runnerGroup: z.string().min(1),
  /** `refuse`: the pool stands still while a public repository could use it. `allow` counts on single-use cloud machines only. */
  publicRepositories: z.enum(["refuse", "allow"]).default("refuse"),
  /** Go on although another scale set or runner could take this pool's jobs, or this pool theirs. */
  shareLabels: z.boolean().default(false),
  /** `once`: a job whose machine a cloud took away is run again, once. Machines of this computer are taken away by nobody. */
  rerun: z.enum(["once", "never"]).default("once"),
  backends: z.array(backendConfig).min(1),
});
export type PoolConfig = z.infer<typeof poolConfig>;

export const bundleFile = z.object({ path: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/) });

export const managerConfig = z.object({
  version: z.literal(configVersion),
  stack: z.object({
    project: z.string().min(1),
    name: z.string().min(1),
    /** Tells stacks of the same project and name apart (two computers, one organisation); part of what is named at GitHub. */
    owner: z.string().min(1).optional(),
  }),
  github: z.object({
    /** Where runners are registered: https://HOST/OWNER/REPOSITORY, https://HOST/ORGANISATION or https://HOST/enterprises/NAME. */
    url: z.url(),
    /** How the manager logs in; the secret itself (`githubToken` or `githubAppKey`) reaches it another way. */
    login: z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("token") }),
      z.object({ kind: z.literal("app"), appId: z.int(), installationId: z.int() }),
    ]),
    source: z.enum(jobSources).default("auto"),
  }),
  pools: z.record(z.string(), poolConfig),
  /** Null for no limit. */
  budget: z.nullable(
    z.object({
      /** Millionths of `currency` per hour for everything that the stack costs. */
      microsPerHour: z.int().min(0),
      /** What of it goes to what is always there (manager, network, fixed machines); the rest is for machines that are launched. */
      baseMicrosPerHour: z.int().min(0).default(0),
      currency: z.enum(["USD", "EUR"]),
    }),
  ),
  manager: z.object({
    /** TCP on 127.0.0.1: health, metrics, page. */
    port: z.int().min(1).max(65535),
    /** The manager's folder: journal, history, logs, machines. Absolute. */
    directory: z.string(),
    /** Control verbs; a Unix socket, 0600. Absolute, at most 100 bytes. */
    socket: z.string(),
    managerBundle: bundleFile,
    runnerBundle: bundleFile,
    /** How long `destroy` waits for busy machines. */
    drainTimeoutSeconds: seconds,
    /** Folders and files that confined jobs may read besides the system's own. Absolute. */
    readable: z.array(z.string()).default([]),
    /** What they never see, besides the manager's folder and its user's home. Absolute. */
    hidden: z.array(z.string()).default([]),
    /** Jobs may run as the manager's user where this computer gives no confinement. */
    unconfined: z.boolean().default(false),
    /** Where GitHub's runner is kept for machines that boot: objects of S3 whose keys begin with `prefix`. Absent: nowhere. */
    mirror: z.object({ bucket: z.string().min(3), region: z.string().min(1), prefix: z.string() }).optional(),
    /** Where machines of clouds and hosts call, over TLS; null where only this computer has machines. */
    agents: z
      .nullable(
        z.object({
          port: z.int().min(1).max(65535),
          /** Names and addresses in the certificate, in the order in which agents try them. */
          addresses: z.array(z.string().min(1)).min(1),
          /** PEM: the stack's own CA, which user data pins; while it is exchanged two, the older first. */
          ca: z.string().min(1),
          /**
           * PEM: what the manager presents, as it stands: its certificate, and while the CA is exchanged behind it the new
           * CA as the old one certified it. So one chain satisfies machines that trust the old CA, the new one, or both.
           */
          certificate: z.string().min(1),
          /**
           * `private`: machines call from their own addresses, so that one is heard only from the address that its cloud signed.
           * `public`: they come through address translation, and an address proves nothing.
           */
          reach: z.enum(["private", "public"]).default("private"),
        }),
      )
      .default(null),
  }),
});
export type ManagerConfig = z.infer<typeof managerConfig>;

/** Where agents of this computer call: beside the control socket, in the folder that only its user may enter. */
export const agentsSocket = ({ manager }: Pick<ManagerConfig, "manager">): string =>
  join(dirname(manager.socket), "agents.sock");

/**
 * Secrets, one JSON object on standard input; never in a file that stays, an argument or the environment.
 *
 * Of the keys (PEM) `caKey` and `certificateKey` are there wherever `manager.agents` is set, the earlier two only while the
 * CA is exchanged (`muster:manager.ca`). `caKey` is the root of the stack's session keys: tokens and sessions are signed
 * under it, and believed under it or `earlierCaKey`, so that an exchange ends no machine. The key of the certificate is
 * the one that fits it (`X509Certificate.checkPrivateKey`): settings and secrets arrive one after the other, and settings may be
 * put back.
 */
export const managerSecrets = z.object({
  githubToken: z.string().min(1).optional(),
  githubAppKey: z.string().min(1).optional(),
  caKey: z.string().min(1).optional(),
  certificateKey: z.string().min(1).optional(),
  earlierCaKey: z.string().min(1).optional(),
  earlierCertificateKey: z.string().min(1).optional(),
});
export type ManagerSecrets = z.infer<typeof managerSecrets>;

/** Those that a manager reads at its start only: other ones need a new process. */
export const startSecrets = [
  "caKey",
  "certificateKey",
  "earlierCaKey",
  "earlierCertificateKey",
] as const satisfies readonly (keyof ManagerSecrets)[];
