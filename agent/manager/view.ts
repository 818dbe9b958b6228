/** What people and programs see of a manager: the body of GET /api/state, the page's data and the CLI's. No secrets. */
import type { BootPhase } from "../boot-manifest.ts";
import type { Gpu, GitHubHost, Usage } from "../protocol.ts";
import type { RerunReason } from "./losses.ts";
import type { Access, AccessReason, CredentialLife, Ms, Reason, SourceView, Stage } from "./world.ts";

/** A job's way, in this order; `atMs` is wall time, null when the step has not happened (yet). */
export const steps = [
  "queued",
  "assigned",
  "launch asked",
  "started",
  "enrolled",
  "registered",
  "running",
  "done",
] as const;
export type Step = (typeof steps)[number];

export interface TimelineEntry {
  step: Step;
  atMs: Ms | null;
}

export interface WaitReason {
  reason:
    | Reason
    | AccessReason
    | "max"
    | "budget"
    | "draining"
    | "view-not-fresh"
    | "journal-incomplete"
    | "not-offered";
  /** How many waiting jobs it holds up. */
  jobs: number;
  /** One sentence with the cure. */
  detail: string;
}

export interface PoolView {
  name: string;
  labels: readonly string[];
  max: number;
  minIdle: number;
  reuse: boolean;
  /** What its machines must have; null: it does not matter. */
  gpu: true | Gpu["vendor"] | null;
  /** Jobs that GitHub assigned and no runner has yet. */
  waiting: number;
  /** Jobs beyond the capacity that GitHub still holds back. */
  available: number;
  running: number;
  /** Last figure sent as X-ScaleSetMaxCapacity. */
  capacity: number;
  machines: Partial<Record<Stage, number>>;
  reasons: readonly WaitReason[];
  /** What is wrong although no job waits for it yet; sentences with their cure. */
  warnings: readonly string[];
  /** Why it must not be used, also while no job waits. */
  refused: Access["refusals"];
  github: { is: "fresh" | "stale" | "never"; atMs: Ms | null; why: string | null };
  /** How it hears of its jobs; null before it first did. */
  source: SourceView | null;
  /** Queued to running, of the last `jobs` jobs that ran here (at most 200); absent before the first. */
  waits?: { jobs: number; medianMs: Ms; p95Ms: Ms; maxMs: Ms };
}

/** The time until TCP and TLS to one of GitHub's hosts stood. */
export interface ConnectView {
  is: GitHubHost;
  host: string;
  /** Null when there was no connection. */
  ms: number | null;
  /** The proxy that the time is to; null on a direct way. */
  proxy: string | null;
  problem: string | null;
  /** A sentence when there is no connection or it takes longer than it should; null when all is well. */
  warning: string | null;
}

/** The order in which people read machines: those that work first. */
export const stageOrder: readonly Stage[] = [
  "busy",
  "retiring",
  "listening",
  "registered",
  "enrolled",
  "starting",
  "asked",
  "done",
  "lost",
];

export interface MachineView {
  id: string;
  pool: string;
  backend: string;
  offer: string;
  stage: Stage;
  stageMs: Ms;
  askedMs: Ms;
  /** Name of the job that it runs or last ran. */
  job: string | null;
  life: number;
  runner: string | null;
  problem: string | null;
  usage: Omit<Usage, "gpus" | "connect"> | null;
  /** Graphics processors; null while its agent has not said, or is too old to. */
  gpus: readonly Gpu[] | null;
  /** What labels would say of them: `gpu`, `nvidia`, `t4g`; of those that work. */
  gpuLabels: readonly string[];
  /** How far GitHub is from this machine; empty before the first measurement. */
  connect: readonly ConnectView[];
  /** Last sync; null before the first. */
  seenMs: Ms | null;
}

/**
 * What is known of a boot that failed. `console`: the machine never enrolled, and these are the last lines of its console as
 * its cloud kept them; of another phase a machine, or somebody who pretends to be one, said so.
 */
export interface BootView {
  machine: string;
  pool: string;
  phase: BootPhase | "console";
  atMs: Ms;
  /** The last lines, the newest last, in visible characters. */
  lines: readonly string[];
}

/** As the beginning of a sentence about the machine. */
export const bootTold = ({ phase }: Pick<BootView, "phase">): string =>
  phase === "console" ? "its console ends with" : `its boot failed in the phase ${phase}`;

export interface JobView {
  id: string;
  name: string;
  pool: string;
  repository: string;
  workflowRef: string;
  workflowRun: number;
  state: "queued" | "assigned" | "running" | "completed";
  result: string | null;
  machine: string | null;
  timeline: readonly TimelineEntry[];
  /** Queued to running, or to now while it waits; null when GitHub did not say when it was queued. */
  waitMs: Ms | null;
  /** Why it waits now; empty once it runs. */
  waitsFor: string;
  /** Where a cloud took its machine away: what becomes of its re-run. */
  rerun?: { reason: RerunReason; detail: string };
}

export interface ManagerState {
  stack: { project: string; name: string };
  atMs: Ms;
  startedMs: Ms;
  configHash: string;
  managerBundle: string;
  draining: boolean;
  /** False: the journal cannot be written or the loop stands still; the sentence says which. */
  healthy: boolean;
  problem: string | null;
  /** How far GitHub is from the manager; empty before the first measurement. */
  connect: readonly ConnectView[];
  /** The login at GitHub; null before it was first used. */
  credential: CredentialLife | null;
  pools: readonly PoolView[];
  machines: readonly MachineView[];
  /** Of the last day, newest first; absent where there are none. */
  failedBoots?: readonly BootView[];
  /** Newest first: all that are not completed, then the last completed ones, at most 500. */
  jobs: readonly JobView[];
}
