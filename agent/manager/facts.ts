/** What can happen to a world: everything that apply.ts turns into belief. */
import type { HostFacts } from "../protocol.ts";
import type { ManagerConfig } from "../manager-config.ts";
import type { Verdict } from "./losses.ts";
import type {
  Access,
  BackendName,
  CredentialLife,
  Launch,
  LaunchId,
  Machine,
  MachineId,
  Ms,
  Offer,
  PoolName,
  Reason,
  Report,
  Scope,
  SourceView,
  Statistics,
} from "./world.ts";

export interface Failure {
  reason: Reason;
  scope: Scope;
  detail: string;
  /** What the other side asked for; null when it said nothing. */
  retryAfterMs: Ms | null;
}

/** A job as one of GitHub's messages tells of it. */
export interface JobNews {
  is: "queued" | "assigned" | "started" | "completed";
  id: string;
  name: string;
  repository: string;
  workflowRun: number;
  workflowRef: string;
  queuedMs: Ms | null;
  assignedMs: Ms | null;
  /** GitHub's runner name; null before it started. */
  runner: string | null;
  result: string | null;
}

/** Everything that can happen to a world. */
export type Fact =
  | {
      is: "settings-changed";
      config: ManagerConfig;
      hash: string;
      offers: Record<PoolName, readonly Offer[]>;
      recipes: Record<PoolName, string>;
    }
  /** Prices changed; the settings did not. */
  | { is: "offers-changed"; offers: Record<PoolName, readonly Offer[]> }
  /** `pools`: these alone; none named, or off: the whole stack. */
  | { is: "draining"; on: boolean; pools?: readonly PoolName[] | null }
  /** `consistent: false`: a list may lack what exists. */
  | {
      is: "listed";
      backend: BackendName;
      machines: readonly ListedMachine[];
      startedMs: Ms;
      consistent?: boolean;
    }
  | { is: "list-failed"; backend: BackendName; failure: Failure }
  | { is: "launch-sent"; launch: Launch; machines: readonly Machine[] }
  | { is: "launch-repeated"; launch: LaunchId }
  | { is: "launched"; launch: LaunchId; machines: readonly MachineId[]; failures: readonly Failure[] }
  | { is: "launch-unknown"; launch: LaunchId; failure: Failure }
  | { is: "destroy-asked"; machines: readonly MachineId[] }
  | { is: "destroyed"; machines: readonly MachineId[] }
  | { is: "destroy-failed"; machines: readonly MachineId[]; failure: Failure }
  | { is: "enrolled"; machine: MachineId; host: HostFacts; address?: string }
  | {
      is: "synced";
      machine: MachineId;
      life: number;
      done: number;
      job: string | null;
      report: Omit<Report, "atMs">;
    }
  | {
      is: "demand-seen";
      pool: PoolName;
      statistics: Statistics;
      news: readonly JobNews[];
      labelsDropped: readonly string[];
      source?: SourceView;
    }
  | { is: "demand-failed"; pool: PoolName; failure: Failure }
  | ({ is: "access-seen"; pool: PoolName } & Access)
  | { is: "credential-seen"; credential: CredentialLife }
  | { is: "mint-asked"; machine: MachineId; name: string; life: number }
  | { is: "minted"; machine: MachineId; life: number; runnerId: number; name: string }
  | { is: "mint-failed"; machine: MachineId; life: number; failure: Failure; sent: boolean }
  /** The manager restarted between mint and delivery: the config is gone for good. */
  | { is: "config-lost"; machine: MachineId; life: number }
  | { is: "retire-asked"; machine: MachineId }
  /** The machine is finished with: its agent is told to end, then it is destroyed. */
  | { is: "end-asked"; machine: MachineId; why: string; failedBoot: boolean; reason?: Reason }
  | { is: "remove-asked"; machine: MachineId }
  | { is: "runner-removed"; machine: MachineId; name: string; outcome: "gone" | "busy" }
  | { is: "remove-failed"; machine: MachineId; failure: Failure }
  /** A look at the run of lost jobs (runner names) came back. */
  | { is: "rerun-judged"; verdicts: readonly Verdict[] }
  | { is: "rerun-asked"; losses: readonly string[] }
  | { is: "rerun-made"; losses: readonly string[] }
  /** `sent`: a call that re-runs; else a look. `certain`: it had no effect. `busy`: the run is in progress. */
  | {
      is: "rerun-failed";
      losses: readonly string[];
      failure: Failure;
      sent: boolean;
      certain: boolean;
      busy: boolean;
    };

export interface ListedMachine {
  id: MachineId;
  /** Tags that say whose it is; a machine without a launch of ours in memory is adopted from these. */
  pool: PoolName;
  launch: LaunchId;
  offer: string;
  startedMs: Ms;
  /** False: it is known but has stopped by itself (a process that exited, an instance that shut down). */
  running: boolean;
  /** How it came to its end, where the backend knows. */
  end?: ListedEnd;
  /** It always exists and is only started and stopped (world.ts, Machine): `startedMs` is when it was last started. */
  slot?: true;
}

export interface ListedEnd {
  /** In words, for people. */
  why: string;
  /** The backend took it away: its offer is not to be trusted for a while. */
  interrupted: boolean;
  /** Nothing of it is left, and it is listed only to say so. */
  gone: boolean;
}
