/**
 * What the manager believes: plain, JSON-safe, bounded, read-only to everyone but apply.ts. No secret is in it.
 * Who is believed for what: the backend for a machine's existence and loss, GitHub for jobs and registrations, the
 * agent only for detail between the two.
 */
import type { ManagerConfig } from "../manager-config.ts";
import type { HostFacts, LifeEnd, Phase, Usage } from "../protocol.ts";
import type { Ms } from "./deps.ts";
import type { Loss } from "./losses.ts";

export type { Ms };
export type PoolName = string;
export type BackendName = string;
export type MachineId = string;
export type LaunchId = string;
/** Millionths of the settings' currency per hour; an integer. */
export type MicrosPerHour = number;

/** How fresh a source is; absence of knowledge is never an empty list. */
export type View =
  { is: "fresh"; atMs: Ms } | { is: "stale"; atMs: Ms; why: string } | { is: "never"; why: string };

/** `backend:NAME` (its list of machines) and `demand:POOL` (GitHub's figures). */
export type ViewKey = `backend:${BackendName}` | `demand:${PoolName}`;

export const reasons = [
  "no-capacity",
  "no-address",
  "quota",
  "unsupported",
  "throttled",
  "unavailable",
  "denied",
  "bad-request",
  "never-enrolled",
  "registration-removed",
  "no-gpu",
  "interrupted",
  "unknown",
] as const;
/** Why something failed; docs/reasons.md has a paragraph for each. */
export type Reason = (typeof reasons)[number];

/** What a failure closes: one offer, a subnet, a quota, a whole backend, GitHub for a pool, or a pool's recipe for booting. */
export interface Scope {
  on: "offer" | "subnet" | "quota" | "backend" | "github" | "recipe";
  key: string;
}
export type CircuitKey = `${Scope["on"]}:${string}`;
/** Absent = closed. After `untilMs` one probe is let through. */
export type Circuit =
  | { is: "open"; untilMs: Ms; reason: Reason; detail: string; trips: number }
  | { is: "probing"; untilMs: Ms; by: LaunchId; reason: Reason; detail: string; trips: number };

/** A machine that always exists and does not run. */
export interface StandingSlot {
  id: MachineId;
  /** It can be started. */
  free: boolean;
  /** Why it does not run, in words. */
  why: string;
}
/** One place where a pool's machine can come from. */
export interface Offer {
  /** Unique among all offers: `local`, `aws:eu-central-1a:c8g.xlarge:spot`. */
  key: string;
  backend: BackendName;
  priceMicros: MicrosPerHour;
  /** Circuits that close this offer, besides its own and its backend's. */
  scopes: readonly Scope[];
  /** Of machines that always exist: those that do not run. A launch starts one, and there are no others. */
  slots?: readonly StandingSlot[];
}

/** Sent, and repeated only byte for byte. */
export interface LaunchRequest {
  pool: PoolName;
  offer: string;
  /**
   * One id a machine, each derived from the launch id. Where the backend names its machines itself these are places: each
   * is there until a machine of the launch takes it (apply/places.ts).
   */
  machines: readonly MachineId[];
  /** What its backend sends, as it prepared it: settings may have changed before it is sent again. */
  prepared?: string;
}
export interface Launch {
  id: LaunchId;
  backend: BackendName;
  request: LaunchRequest;
  /** Reserved for each machine while the answer is out. */
  worstMicros: MicrosPerHour;
  askedMs: Ms;
  sentMs: Ms;
  sends: number;
  /** `unknown`: the answer was lost; the machines count as alive until the doubt is over. */
  is: "in-flight" | "unknown" | "settled";
  /** Machines that the backend named itself and that took a place; absent: none did. */
  named?: readonly MachineId[];
}

/**
 * asked: the launch was journalled. starting: the backend names the machine. enrolled: its agent is here, without a
 * registration. registered: a JIT config was minted. listening, busy: the Listener says so (or GitHub does). retiring:
 * its registration is being deleted because it is idle. done: finished with, for any reason; waits until GitHub's record
 * and the machine itself are gone. lost: gone without our doing; waits for GitHub's record to go.
 */
export type Stage =
  "asked" | "starting" | "enrolled" | "registered" | "listening" | "busy" | "retiring" | "done" | "lost";

/** A registration at GitHub. */
export interface Registration {
  /** GitHub's runner id; null while the call that mints it is out. */
  id: number | null;
  name: string;
  life: number;
  askedMs: Ms;
  /** When GitHub answered. */
  mintedMs: Ms | null;
  /** True once GitHub has no record of it. */
  gone: boolean;
  /** GitHub refused to delete it because a job runs on it. */
  heldBusy: boolean;
  /** When its deletion was last asked of GitHub, or may be asked again where GitHub named a time. */
  removeMs: Ms | null;
  /** `github.url` of then: an id means nothing anywhere else. */
  place: string;
}

/** The job a machine runs or ran in its present life. */
export interface MachineJob {
  /** As the Listener printed it, or as GitHub named it. */
  name: string;
  /** When the agent or GitHub first said so. */
  startedMs: Ms;
  /** GitHub's JobStarted came. Until then its figures may still call the job waiting. */
  startedAtGitHub: boolean;
  /** When GitHub's JobCompleted came; null before. */
  completedMs: Ms | null;
  jobId: string | null;
  /** GitHub's runner name; it outlives the registration, for messages come late. */
  runner: string;
  /** Its repository and workflow run; absent while GitHub has not said. */
  from?: { repository: string; run: number };
}

/** What the manager wants of an agent; the JIT config itself is kept out of the world. */
export type Order =
  | { id: number; do: "run"; life: number; runnerName: string }
  | { id: number; do: "drain"; graceSeconds: number }
  | { id: number; do: "end"; reason: string };

export interface Machine {
  id: MachineId;
  pool: PoolName;
  backend: BackendName;
  offer: string;
  launch: LaunchId;
  priceMicros: MicrosPerHour;
  /** Settings that it was launched for; an idle machine of another hash retires. */
  recipe: string;
  /** Launched before the journal was complete: it may finish its job, but is never given a registration again. */
  spent: boolean;
  /**
   * It always exists: from one start to the next it serves job after job, and to be destroyed means to be stopped. Each start is
   * a machine of its own here, so that what was shown in an earlier one counts for nothing. Absent: it was made, and will end.
   */
  slot?: true;
  stage: Stage;
  stageMs: Ms;
  askedMs: Ms;
  startedMs: Ms | null;
  enrolledMs: Ms | null;
  /** Where it enrolled from; empty over a Unix socket, or where addresses prove nothing. */
  address: string;
  /** Its agent has synced: its token is used up, also for a manager that was restarted since. */
  introduced: boolean;
  /** Set when the machine is done or lost: why, for people and for the recipe circuit. */
  ending: string | null;
  /** Registrations so far; one JIT config each. */
  life: number;
  registration: Registration | null;
  job: MachineJob | null;
  order: Order | null;
  /** Highest order id that the agent carried out. */
  doneOrder: number;
  /** The backend's lists in a row that lacked it, and when the first and the last did. */
  missing: { lists: number; sinceMs: Ms; lastMs?: Ms } | null;
  /** When destroy was last asked of the backend. */
  destroyAskedMs: Ms | null;
  /** The backend confirmed that it no longer exists. */
  gone: boolean;
  host: HostFacts | null;
}

/** Kept apart from {@link Machine}: changes with every sync and is not journalled. */
export interface Report {
  atMs: Ms;
  sequence: number;
  phase: Phase;
  lastLife: LifeEnd | null;
  problem: string | null;
  usage: Usage | null;
}

/** GitHub's figures for a pool, as a scale set's `statistics` names them. */
export interface Statistics {
  available: number;
  acquired: number;
  /** Queued for this pool plus running. */
  assigned: number;
  running: number;
  registered: number;
  busy: number;
  idle: number;
}
/** How a pool hears of its jobs, and why so where that is no matter of course. */
export interface SourceView {
  is: "scale-sets" | "queued-runs";
  why: string | null;
}
export interface Demand {
  statistics: Statistics;
  /** JobAssigned entries of the last message that its own figures do not cover (GitHub has sent 0 beside them). */
  uncounted: number;
  /** Labels that GitHub returned for the pool's set, where they differ from those sent. */
  labelsDropped: readonly string[];
  /** Null: nobody said. */
  source: SourceView | null;
}

/** Why a pool must not be used, whatever waits; docs/reasons.md has a paragraph for each. */
export const accessReasons = ["access-unread", "public-repository", "label-clash"] as const;
export type AccessReason = (typeof accessReasons)[number];
/** Who else could use a pool, or take its jobs. */
export interface Access {
  /** While there is one: no launches, no registrations, capacity 0; what runs goes on. */
  refusals: readonly { reason: AccessReason; detail: string }[];
  /** Worth knowing, and stopping nothing. */
  warnings: readonly string[];
}
/** How long the login lasts. */
export interface CredentialLife {
  kind: "token" | "installation";
  /** Wall time; null: it never ends, or GitHub has not said. */
  expiresMs: Ms | null;
  /** One sentence with the cure, when it is time to make another. */
  warning: string | null;
}

export type JobState = "queued" | "assigned" | "running" | "completed";
/** A GitHub job that was offered to one of our pools. */
export interface Job {
  id: string;
  pool: PoolName;
  name: string;
  repository: string;
  workflowRun: number;
  workflowRef: string;
  state: JobState;
  queuedMs: Ms | null;
  assignedMs: Ms | null;
  startedMs: Ms | null;
  completedMs: Ms | null;
  /** `succeeded`, `failed`, `canceled`. */
  result: string | null;
  runner: string | null;
  /** Last time anything was heard of it. */
  seenMs: Ms;
}

export interface World {
  readonly config: ManagerConfig;
  /** SHA-256 of the settings, to tell versions apart. */
  readonly configHash: string;
  /** Digest of what a pool's machines are made from; an idle machine of another recipe retires. */
  readonly recipes: Readonly<Record<PoolName, string>>;
  /** Since when the journal is complete; machines launched before are spent. */
  readonly completeSinceMs: Ms;
  /** When this manager began: what is silent since before may only not have had the time to speak. */
  readonly resumedMs: Ms;
  /** Nothing is launched before: after a lost journal, calls sent earlier may still land and be listed late. */
  readonly launchesFromMs: Ms;
  /** False while the journal cannot be written: no launches, everything else goes on. */
  readonly journalWritable: boolean;
  /** Asked by `destroy` or an operator: no launches, idle machines end, capacity 0. */
  readonly draining: boolean;
  /** The same for some pools only: those that are about to be removed. Not journalled: whoever asked asks again. */
  readonly drainingPools: readonly PoolName[];
  readonly views: Readonly<Record<ViewKey, View>>;
  readonly demand: Readonly<Record<PoolName, Demand>>;
  /**
   * Absent: nothing is held against the pool. GitHub's side says `access-unread` before it first tells of a pool's jobs,
   * and nothing is launched before those are heard of: so this needs no place in the journal.
   */
  readonly access: Readonly<Record<PoolName, Access>>;
  /** Null: not heard yet. */
  readonly credential: CredentialLife | null;
  readonly jobs: Readonly<Record<string, Job>>;
  readonly offers: Readonly<Record<PoolName, readonly Offer[]>>;
  readonly machines: Readonly<Record<MachineId, Machine>>;
  readonly reports: Readonly<Record<MachineId, Report>>;
  readonly launches: Readonly<Record<LaunchId, Launch>>;
  /** By runner name: jobs that a cloud took the machine from. */
  readonly losses: Readonly<Record<string, Loss>>;
  readonly circuits: Readonly<Record<CircuitKey, Circuit>>;
  /** The last outcomes of booting per pool and backend: true = enrolled. Feeds the recipe circuit. */
  readonly boots: Readonly<Record<string, readonly boolean[]>>;
}

export const circuitKey = (scope: Scope): CircuitKey => `${scope.on}:${scope.key}`;

export const isDraining = (world: Pick<World, "draining" | "drainingPools">, pool: PoolName): boolean =>
  world.draining || world.drainingPools.includes(pool);

/** Pool's machines that exist or may exist and are not finished with: what `max` limits. */
export const isAlive = (machine: Machine): boolean => machine.stage !== "done" && machine.stage !== "lost";

/** Whether a machine may get another job after its job; a spent one never does. */
export const servesAgain = (
  { config }: Pick<World, "config">,
  { pool, slot, spent }: Pick<Machine, "pool" | "slot" | "spent">,
): boolean => (slot === true || config.pools[pool]?.reuse === true) && !spent;

/** GitHub keeps runner names unique: a machine's later registrations carry their number. */
export const runnerName = (machine: MachineId, life: number): string =>
  life === 1 ? machine : `${machine}-${life}`;

type Known =
  | "id"
  | "pool"
  | "backend"
  | "offer"
  | "launch"
  | "priceMicros"
  | "recipe"
  | "spent"
  | "stage"
  | "stageMs"
  | "askedMs"
  | "startedMs";

/**
 * Where a machine that always exists begins to count its registrations, in seconds of the moment of its start: a runner's name is
 * then never that of an earlier start, whose jobs the history knows by it.
 */
export const livesBefore = (startMs: Ms): number => Math.floor(startMs / 1_000);

/** A machine of which no more is known than how it came to be. */
export const newMachine = (known: Pick<Machine, Known> & Pick<Machine, "slot">): Machine => ({
  ...known,
  enrolledMs: null,
  address: "",
  introduced: false,
  ending: null,
  life: 0,
  registration: null,
  job: null,
  order: null,
  doneOrder: 0,
  missing: null,
  destroyAskedMs: null,
  gone: false,
  host: null,
});
