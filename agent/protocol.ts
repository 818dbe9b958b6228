/**
 * Every message between a runner agent and its manager. Both sides import this file and nothing else of each
 * other. zod/mini, because the runner bundle must stay below 64 KB.
 *
 * HTTP, JSON both ways, on this computer over a Unix socket, elsewhere over TLS:
 *   POST /agent/v1/enroll   EnrollRequest -> EnrollResponse          (one-time token or signed document is the credential)
 *   POST /agent/v1/sync     SyncRequest   -> SyncResponse            (Authorization: Bearer <session>)
 * A refusal is a 4xx with {@link Refusal}; 429 and 503 carry `retry-after` in seconds. Every call may be
 * repeated: an answer that was lost is answered again in the same words.
 */
import * as z from "zod/mini";

/**
 * Raised with every change of a message; a manager serves N-1, N, N+1. A version only adds fields that may be absent, so
 * that either side can be the older one: what is not known is left out when read, and what is not sent is not missed.
 * 2: graphics processors and times to GitHub. 3: a cloud's signed document in place of the token, which a manager of 2
 * serves no machine for.
 */
export const protocolVersion = 3;

/** Longest body either side accepts, in bytes. */
export const bodyBytesMax = 64 * 1024;

/** Longest signed document, in characters of base64; AWS's have some 1,500. */
export const documentCharactersMax = 8 * 1024;

// What follows is called for its value alone, and says so: a bundle loses the schemas that it does not read, and an agent
// reads none of what it writes. esbuild heeds the comment within one file only.
// @__NO_SIDE_EFFECTS__
const object = <const T extends z.core.$ZodShape>(shape: T) => z.object(shape);
// @__NO_SIDE_EFFECTS__
const nullable = <T extends z.ZodMiniType>(schema: T) => z.nullable(schema);
// @__NO_SIDE_EFFECTS__
const optional = <T extends z.ZodMiniType>(schema: T) => z.optional(schema);
// @__NO_SIDE_EFFECTS__
const oneOf = <const T extends readonly string[]>(values: T) => z.enum(values);
// @__NO_SIDE_EFFECTS__
const boolean = () => z.boolean();
// @__NO_SIDE_EFFECTS__
const string = (longest?: number, shortest = 0) =>
  longest === undefined ? z.string() : z.string().check(z.minLength(shortest), z.maxLength(longest));
// @__NO_SIDE_EFFECTS__
const list = <T extends z.ZodMiniType>(schema: T, longest = Infinity, shortest = 0) =>
  z.array(schema).check(z.minLength(shortest), z.maxLength(longest));
// @__NO_SIDE_EFFECTS__
const number = (least = -Infinity, most = Infinity) => z.number().check(z.minimum(least), z.maximum(most));
// @__NO_SIDE_EFFECTS__
const whole = (least: number) => z.number().check(z.int(), z.minimum(least));

const name = string(128, 1);
const text = string(1024);
const count = whole(0);

/** Detail that a newer agent words in another way must not cost a machine: it counts as not said. */
// @__NO_SIDE_EFFECTS__
const detail = <T extends z.ZodMiniType>(schema: T) =>
  optional(
    z.pipe(
      z.unknown(),
      z.transform((value): z.infer<T> | undefined => {
        const read = z.safeParse(schema, value);
        return read.success ? read.data : undefined;
      }),
    ),
  );
const figure = nullable(number(0, 1e9));
const short = string(256);

export const gpuVendors = ["nvidia", "amd", "intel"] as const;
export type GpuVendor = (typeof gpuVendors)[number];

/** A graphics processor that jobs could use; the small ones inside processors are none (agent/runner/gpu/pci.ts). */
export const gpu = object({
  vendor: oneOf(gpuVendors),
  /** As its driver names it, else from the PCI id. */
  model: short,
  /** Version of the driver that serves it; null while none does or none was asked. */
  driver: nullable(short),
  /** ok: its driver answered for it. checking: not known yet. failed: `problem` says why. */
  health: oneOf(["ok", "checking", "failed"]),
  problem: nullable(short),
  /** Null where the driver does not say. */
  memoryMb: figure,
  memoryUsedMb: figure,
  utilizationPercent: figure,
  temperatureC: figure,
});
export type Gpu = z.infer<typeof gpu>;
const gpus = list(gpu, 16);

/** How far away a host is (agent/connect-time.ts). */
export const connectReading = object({
  host: short,
  /** Milliseconds until TCP and TLS stood; null when they did not. */
  ms: figure,
  /** The proxy that the time is to; null on a direct way. */
  proxy: nullable(short),
  problem: nullable(short),
});
/** GitHub's hosts: the REST API and the one that hands out jobs. */
export const githubHosts = ["api", "broker"] as const;
export type GitHubHost = (typeof githubHosts)[number];

export const hostFacts = object({
  /** As GitHub names it: `x64`, `arm64`. */
  arch: name,
  cores: count,
  memoryMb: count,
  diskFreeMb: count,
  /** Kernel release, for people. */
  kernel: text,
  /** Since 2. What is known within a second; usage brings the rest. */
  gpus: detail(gpus),
});
export type HostFacts = z.infer<typeof hostFacts>;

export const enrollRequest = object({
  protocol: count,
  /** The machine's id, given to it at launch. */
  machine: name,
  /** One-time token, given at launch; the first use wins. Absent where a document proves the machine. */
  token: optional(string(512, 16)),
  /** Since 3. What the machine's cloud signed of it: on AWS the instance identity document, rsa2048, as base64. */
  document: optional(string(documentCharactersMax, 1)),
  /** SHA-256 (hex) of the agent bundle that is running. */
  agent: text,
  host: hostFacts,
});
export type EnrollRequest = z.infer<typeof enrollRequest>;

/** How a machine ends (only user data of elastic cloud machines may say power-off). */
export const endings = ["power-off", "exit", "clean-slot"] as const;
export type Ending = (typeof endings)[number];

export const archive = object({
  /** Runner version, such as 2.336.0. */
  version: name,
  /** 64 hex digits, which agent/runner/archive.ts insists on; an archive with another digest is never unpacked. */
  sha256: string(64, 64),
  /** Tried in this order. */
  urls: list(string(), Infinity, 1),
});
export type Archive = z.infer<typeof archive>;

export const enrollResponse = object({
  protocol: count,
  /** Bearer token of every sync; valid while the machine lives. */
  session: string(),
  pool: name,
  /** A sync is due at least this often. */
  syncSeconds: number(),
  /** Without a manager for so long and without a job: `power-off` machines end, others stop their idle runner. */
  deadManSeconds: number(),
  runner: archive,
  /** Since 2. Addresses whose distance the agent measures; `broker` is null until the manager was told of it. */
  github: detail(object({ api: string(), broker: nullable(string()) })),
});
export type EnrollResponse = z.infer<typeof enrollResponse>;

/**
 * What the agent is doing.
 * preparing: unpacking the runner. ready: unregistered, waits for `run`. starting: the Listener was started.
 * listening: it printed "Listening for Jobs". busy: it printed "Running job". stopping: told to stop.
 * ended: the last message; the agent exits (or powers off) after the answer.
 */
export const phases = ["preparing", "ready", "starting", "listening", "busy", "stopping", "ended"] as const;
export type Phase = (typeof phases)[number];

export const usage = object({
  /** Of the whole machine, 0 to 100, since the previous sync. */
  cpuPercent: number(),
  memoryUsedMb: count,
  memoryTotalMb: count,
  diskFreeMb: count,
  diskTotalMb: count,
  /** Since 2. */
  gpus: detail(gpus),
  /** Since 2. The last measurement; absent before the first. */
  connect: detail(object({ api: optional(connectReading), broker: optional(connectReading) })),
});
export type Usage = z.infer<typeof usage>;

/** How one registration of this machine came out. */
export const lifeEnd = object({
  /** 1 for the machine's first registration. */
  life: count,
  /** Exit code of bin/Runner.Listener; null when a signal ended it. */
  code: nullable(whole(Number.MIN_SAFE_INTEGER)),
  /** Whether it printed "Running job". */
  ranJob: boolean(),
  /** `Succeeded`, `Failed`, `Canceled` ... as the Listener printed it; null when it ran none. */
  result: nullable(text),
});
export type LifeEnd = z.infer<typeof lifeEnd>;

export const syncRequest = object({
  protocol: count,
  /** Rises with every new report; a repeat has the same. */
  sequence: count,
  phase: oneOf(phases),
  /** Registrations that were started on this machine so far. */
  life: count,
  /** Display name of the job that runs or ran in this life. */
  job: nullable(text),
  /** Set from the end of a life until the next one starts. */
  lastLife: nullable(lifeEnd),
  /** What went wrong, in words for people; null when nothing did. */
  problem: nullable(text),
  usage: nullable(usage),
  /** Id of the last instruction that was carried out or refused as out of place; 0 for none. */
  done: count,
});
export type SyncRequest = z.infer<typeof syncRequest>;

/**
 * What the agent shall do next. Ids rise; an id at or below the last one carried out is ignored.
 * wait: nothing new. run: start the Listener with this registration. drain: the registration is gone at GitHub:
 * give the Listener `graceSeconds` to exit by itself, let a job that starts meanwhile finish, else interrupt it.
 * end: stop now (a running job is interrupted), report `ended`, exit.
 */
export const instruction = z.union([
  object({ id: count, do: z.literal("wait") }),
  object({ id: count, do: z.literal("run"), life: count, runnerName: name, jitConfig: string() }),
  object({ id: count, do: z.literal("drain"), graceSeconds: number() }),
  object({ id: count, do: z.literal("end"), reason: text }),
]);
export type Instruction = z.infer<typeof instruction>;

export const syncResponse = object({
  instruction,
  /** The next sync is due in so many seconds, or at once when something changed. */
  nextSeconds: number(),
});
export type SyncResponse = z.infer<typeof syncResponse>;

/** Body of a 4xx answer. */
export const refusal = object({ error: name, message: text });
export type Refusal = z.infer<typeof refusal>;
/** `error` codes: an agent told one of the first three ends itself, since it can never be served again. */
export const refusals = [
  "unknown-machine",
  "session-over",
  "already-enrolled",
  "bad-request",
  "busy",
] as const;

/**
 * How a job is kept apart. own-uid: namespaces and a user id that nothing else has. user-namespace: namespaces, the
 * user's own id without its rights. none: a process of the agent's user.
 */
export const confinementKinds = ["own-uid", "user-namespace", "none"] as const;
export type ConfinementKind = (typeof confinementKinds)[number];

const strings = list(string());
/**
 * What a confined job sees, planned by the manager (agent/confinement/view.ts). Paths are those inside, but for the
 * sources of mounts; a source like `@home` is a place of the machine that the agent makes.
 */
export const jobView = object({
  folders: strings,
  files: strings,
  links: list(object({ path: string(), target: string() })),
  /** In this order. */
  mounts: list(object({ source: string(), target: string(), type: string(), options: strings })),
  /** Mounts that come along inside of others: made read-only one by one. */
  within: list(object({ target: string(), options: strings })),
});
export type JobView = z.infer<typeof jobView>;

export const confinementOrder = object({ kind: oneOf(["own-uid", "user-namespace"]), view: jobView });
export type ConfinementOrder = z.infer<typeof confinementOrder>;

/** The file (0600) that a backend, or user data, gives an agent; its path is the agent's only argument. */
export const launchFile = object({
  /** Tried in turn: `http://`, `https://`, or `unix:` and the absolute path of a socket on this computer. */
  managers: list(string(), Infinity, 1),
  machine: name,
  /** Empty on machines of clouds, which prove themselves by their cloud's signed document. */
  token: string(),
  /** Machines of clouds: their pool, and the PEM file of the only CA that a manager's certificate may be from. */
  pool: optional(name),
  ca: optional(string()),
  /** Machines of clouds: the file with their cloud's signed document, which a root process fetched. */
  document: optional(string()),
  /** The machine's own folder: runner, work, logs. */
  directory: string(),
  /** Unpacked runner archives, shared by the machines of this computer, by SHA-256. */
  archives: string(),
  end: oneOf(endings),
  /** Left out: jobs are processes of the agent's user. */
  confinement: optional(confinementOrder),
  /**
   * Machines with systemd, where root's units run the jobs (cloud-init/runner/units): the agent's folder, in which it
   * leaves `job.env` and `job.stop`, and root's, in which it finds `taken`, `out` and `exit`. Both in memory.
   */
  units: optional(object({ orders: string(), results: string() })),
});
export type LaunchFile = z.infer<typeof launchFile>;
