/** What the core asks of the world outside; backends/ and github/ implement it, the simulation replaces it. */
import type { Archive } from "../protocol.ts";
import type { BackendConfig, ManagerConfig, ManagerSecrets } from "../manager-config.ts";
import type { Deps } from "./deps.ts";
import type { Failure, Fact, ListedMachine } from "./facts.ts";
import type { RerunCall, SeenRun } from "./losses.ts";
import type { BackendName, LaunchRequest, MachineId, Offer, PoolName } from "./world.ts";

export interface LaunchAnswer {
  /** Those of the request that now exist; more than asked for are adopted, never dropped. */
  machines: readonly MachineId[];
  /** One for each part of the request that could not be served. */
  failures: readonly Failure[];
}

/** What a machine needs to know to enrol. */
export interface Invitation {
  machine: MachineId;
  /** One-time token. */
  token: string;
}

/** A source of machines. It knows nothing of GitHub. Every method may be called again with the same arguments. */
export interface Backend {
  readonly name: BackendName;
  /** True where list() shows at once whatever an earlier call made: then a lost journal needs no pause. */
  readonly consistent: boolean;
  /** The offers that this backend makes for one of its entries in a pool's settings. */
  offers(pool: PoolName, entry: BackendConfig): readonly Offer[];
  /** Every machine of this stack, also those that stopped by themselves; rejects rather than return a part. */
  list(signal: AbortSignal): Promise<readonly ListedMachine[]>;
  /**
   * What `launch` needs beside the request to send the same bytes again, by whatever manager and settings: it becomes the
   * request's `prepared`, in the journal. Absent where a request says all; undefined where the settings do not say what to send.
   */
  prepare?(launch: string, request: LaunchRequest): string | undefined;
  /** Looks after what its offers depend on beside the settings, and says when they have changed; the function ends that. */
  watch?(changed: () => void): () => void;
  /** Idempotent by the ids in the request. Rejects when nothing is known of the outcome. */
  launch(
    launch: string,
    request: LaunchRequest,
    invitations: readonly Invitation[],
    signal: AbortSignal,
  ): Promise<LaunchAnswer>;
  /** Asked, not confirmed: confirmation is absence from list(). Succeeds on what is gone. */
  destroy(machines: readonly MachineId[], signal: AbortSignal): Promise<void>;
  /**
   * What is left to see of a machine that never called: the end of its console, in whatever characters the machine wrote; empty
   * where there is nothing. Absent where a machine's own log is at hand.
   */
  evidence?(machine: MachineId, signal: AbortSignal): Promise<string>;
  /** What an error of list, launch or destroy means. `offer` where one is known. */
  classify(error: unknown, offer?: string): Failure;
}

/** GitHub's side of all pools: who waits, who may register, who is gone. It knows nothing of backends. */
export interface GitHub {
  /** Keeps every pool's scale set and session; reports demand-seen and demand-failed facts. Follows settings. */
  start(config: ManagerConfig): void;
  /** Tells how many jobs the pool could take now, running ones included (X-ScaleSetMaxCapacity); a held poll is sent again when it rises. */
  capacity(pool: PoolName, jobs: number): void;
  /** Where its hosts are: the REST API, and the one that hands out jobs once it is known. */
  hosts(): { api: string; broker: string | null };
  /** Registers a single-use runner. Rejects with an error that classify() reads. */
  mint(
    pool: PoolName,
    runnerName: string,
    signal: AbortSignal,
  ): Promise<{ runnerId: number; jitConfig: string }>;
  /** `gone`: GitHub has no such record (any more). `busy`: it refuses, a job runs there. */
  remove(
    pool: PoolName,
    runner: { id: number | null; name: string },
    signal: AbortSignal,
  ): Promise<"gone" | "busy">;
  /** The runner archive for a machine's architecture (`x64`, `arm64`), newest first seen within a day. */
  archive(arch: string, signal: AbortSignal): Promise<Archive>;
  /** Deletes this stack's scale sets and what is left of its runner records; returns the names of what it could not. */
  forget(signal: AbortSignal): Promise<readonly string[]>;
  /** Deletes a scale set of another stack that nobody uses. @throws Refused, or an error that classify() reads */
  removeSet(nameOrId: string, signal: AbortSignal): Promise<{ id: number; name: string }>;
  /** New credentials, from now on. */
  credentials(secrets: ManagerSecrets): void;
  /**
   * What GitHub says of a workflow run, for the sake of jobs that these runners served; null: it knows none.
   * Rejects with an error that classify() reads.
   */
  seeRun(
    repository: string,
    run: number,
    runners: readonly string[],
    signal: AbortSignal,
  ): Promise<SeenRun | null>;
  /** Runs jobs of a run that has ended again. `busy`: the run is in progress, and nothing was done. Never repeated in here. */
  rerun(repository: string, run: number, call: RerunCall, signal: AbortSignal): Promise<"taken" | "busy">;
  /** The call that failed so was answered: it had no effect. */
  hadNoEffect(error: unknown): boolean;
  classify(error: unknown, pool: PoolName): Failure;
  /** Ends sessions; resolves when GitHub knows. */
  stop(): Promise<void>;
}

export type Report = (fact: Fact) => void;
export type MakeGitHub = (
  config: ManagerConfig,
  secrets: ManagerSecrets,
  report: Report,
  deps: Deps,
) => GitHub;
