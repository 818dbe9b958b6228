/** What a simulated GitHub can be told at its start, with the defaults and where each number comes from. */
import type { Clock } from "../../agent/manager/deps.ts";
import { realClock } from "../../agent/manager/deps.ts";
import type { MakeWorkflow } from "./wire.ts";

/** `github.com` assigns by itself (JobAssigned, acquirejobs is 404); `ghes` offers (JobAvailable) and waits for acquirejobs. */
export type Style = "github.com" | "ghes";
export type Permissions = Readonly<Record<string, "read" | "write">>;

export interface RepositoryOptions {
  owner: string;
  name: string;
  /** Default true. */
  private?: boolean;
  /** Default false. */
  archived?: boolean;
  /** Directory of the checked-out repository, where workflow files lie; default: none, plain jobs only. */
  workspaceSource?: string;
}

export interface AppOptions {
  id: number;
  /** Accepted as `iss` beside the id; default `Iv23sim<id>`. */
  clientId?: string;
  /** PEM (SPKI) against which the App's RS256 tokens are checked. */
  publicKey: string;
  installations: InstallationOptions[];
  /** Default: the first installation's account. */
  owner?: string;
  /** Default `app-<id>`. */
  name?: string;
}

export interface InstallationOptions {
  id: number;
  /** An owner. */
  account: string;
  /** Default: the App's, which are everything that muster can use when it comes from the options. */
  permissions?: Permissions;
  /** Names without owner; default: all. */
  repositories?: readonly string[];
  suspended?: boolean;
}

export interface PatOptions {
  token: string;
  /** Default: all. */
  permissions?: Permissions;
  /** A classic token's: every answer names them as `X-OAuth-Scopes`. Default: fine-grained, which has none. */
  scopes?: readonly string[];
  /** Milliseconds since 1970: every answer names it as `github-authentication-token-expiration`. Default: never. */
  expiresMs?: number;
}

export interface GroupOptions {
  id: number;
  name: string;
  /** An organisation's default group excludes public repositories: GitHub then never routes their jobs. */
  allowsPublicRepositories: boolean;
  /** Which repositories may use it (docs, "runner groups"); default `all`. */
  visibility?: "all" | "private" | "selected";
  /** Names without owner, for `selected`. */
  repositories?: readonly string[];
}

/** Milliseconds; null means never. */
export interface Timings {
  /** How long a message poll is held before 202. Measured on github.com: 50 to 51 s. */
  holdMs: number;
  /** An assigned job that no runner takes for so long is canceled and assigned again (ARC #4602: 5 minutes). */
  pickupMs: number | null;
  /** How long a session whose owner vanished still answers 409; not established for github.com. */
  deadSessionMs: number;
  /** Life of the admin JWT; measured: about 17 minutes. */
  adminTokenMs: number;
  /** Life of a message queue token; about 50 minutes for one organisation (scaleset PR #123). */
  queueTokenMs: number;
  registrationTokenMs: number;
  installationTokenMs: number;
  /** Life of the runner's own access token. */
  runnerTokenMs: number;
  /** A job sent to a runner that does not acquire it goes back to its scale set. */
  deliveryMs: number;
  /** After a DELETE won against an acquire: until the job is offered again (within 60 s). */
  reofferMs: number;
  /** A running job that is not renewed for so long fails. */
  jobLockMs: number;
  /** How long a canceled job's runner may take to say so. */
  cancelMs: number;
  /** A runner that was not heard of for so long is offline, and its session no longer blocks. */
  runnerOfflineMs: number;
  /** Idle registrations are removed after so long (runner #4726: 2 to 6 minutes). */
  idleRegistrationMs: number | null;
  /** A JIT config that was never used loses its record after so long (runner #4248: about 60 minutes). */
  unstartedRegistrationMs: number | null;
}

const minutes = (n: number) => n * 60_000;
export const defaultTimings: Timings = {
  holdMs: 50_000,
  pickupMs: minutes(5),
  deadSessionMs: minutes(1),
  adminTokenMs: minutes(17),
  queueTokenMs: minutes(50),
  registrationTokenMs: minutes(60),
  installationTokenMs: minutes(60),
  runnerTokenMs: minutes(60),
  deliveryMs: minutes(1),
  reofferMs: 5_000,
  jobLockMs: minutes(10),
  cancelMs: minutes(5),
  runnerOfflineMs: minutes(1),
  idleRegistrationMs: null,
  unstartedRegistrationMs: minutes(60),
};

/** What becomes of a DELETE of a runner between "job delivered" and "job acquired". */
export const deleteOutcomes = ["refused", "acquire-fails", "job-starts"] as const;
export type DeleteOutcome = (typeof deleteOutcomes)[number];

export interface RunnerArchive {
  path: string;
  filename: string;
  sha256: string;
  version: string;
  os: "linux";
  architecture: "x64" | "arm64";
}

export interface GitHubOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** Default 0: any free port. */
  port?: number;
  /** Default github.com. */
  style?: Style;
  /** Seed of every drawn outcome; default 1. */
  seed?: number;
  /** Default: acme/widgets, private. */
  repositories?: RepositoryOptions[];
  /** Personal access tokens; default: one made up, see `token` of the simulator. */
  tokens?: PatOptions[];
  apps?: AppOptions[];
  /** Owners that are personal accounts; the first is logged in on GitHub's pages. Default: none, all are organisations. */
  users?: readonly string[];
  /** Runner groups of every organisation and repository; default: only `Default`, id 1, without public repositories. */
  groups?: GroupOptions[];
  timings?: Partial<Timings>;
  /** How often a job that nobody picks up is assigned again before it is stuck; default 3. */
  maxReassignments?: number;
  /** Default: drawn by seed each time. */
  deleteRace?: DeleteOutcome | "seeded";
  /** REST calls per hour and token; default 5000. */
  rateLimit?: number;
  /** Points a minute and token before the secondary limit refuses; default 900, as documented. */
  pointsPerMinute?: number;
  /** When the offered runner version may register and run no more, in milliseconds from now; default 30 days each. */
  deprecation?: { registrationMs: number; runtimeMs: number };
  /** Size of the RSA keys in JIT configs. Default 1024: half of GitHub's, which takes 8 ms instead of 160. */
  runnerKeyBits?: number;
  clock?: Clock;
  /** Default: the stand-in runner's archive, built on first use. */
  archive?: () => Promise<RunnerArchive>;
  /** Where archives are downloaded, `https://HOST:PORT` of whoever serves its /downloads; default: the simulator, in clear. */
  downloads?: string;
  /** Default: workflow/run.ts. */
  makeWorkflow?: MakeWorkflow;
}

export type ResolvedOptions = Required<
  Omit<GitHubOptions, "timings" | "archive" | "downloads" | "makeWorkflow">
> & {
  timings: Timings;
} & Pick<GitHubOptions, "archive" | "downloads" | "makeWorkflow">;

export const resolveOptions = (options: GitHubOptions): ResolvedOptions => ({
  host: "127.0.0.1",
  port: 0,
  style: "github.com",
  seed: 1,
  repositories: [{ owner: "acme", name: "widgets" }],
  tokens: [],
  apps: [],
  users: [],
  groups: [{ id: 1, name: "Default", allowsPublicRepositories: false }],
  maxReassignments: 3,
  deleteRace: "seeded",
  rateLimit: 5000,
  pointsPerMinute: 900,
  deprecation: { registrationMs: 30 * 86_400_000, runtimeMs: 30 * 86_400_000 },
  runnerKeyBits: 1024,
  clock: realClock(),
  ...options,
  timings: { ...defaultTimings, ...options.timings },
});
