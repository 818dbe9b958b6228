/** What leaving asks of the world outside; aws.ts and github.ts implement it, tests replace it. */
import type { Clock } from "../manager/deps.ts";
import type { ManagerSecrets } from "../manager-config.ts";
import type { SweepOptions } from "./options.ts";

/** An instance with the stack's tag that the program did not make, and that is not gone yet. */
export interface Machine {
  id: string;
  /** `pending`, `running`, `stopping`, `stopped` or `shutting-down`. */
  state: string;
  /** Null: its tag is missing. */
  pool: string | null;
  /** When it was launched, milliseconds since 1970; absent: not said. */
  sinceMs?: number;
}

/** What a machine may leave behind: a volume or a network interface that nothing uses any more. */
export interface Leftover {
  id: string;
  kind: "volume" | "network interface";
  /** False: still attached, it cannot be removed yet. */
  free: boolean;
  /** When a volume was made, or an interface attached, milliseconds since 1970; absent: not said. */
  sinceMs?: number;
}

export interface Region {
  readonly name: string;
  /** Rejects rather than return a part. */
  machines(): Promise<readonly Machine[]>;
  /** Succeeds on what is gone; rejects when one of them cannot be ended, the others may or may not be. */
  terminate(ids: readonly string[]): Promise<void>;
  leftovers(): Promise<readonly Leftover[]>;
  /** Succeeds on what is gone. */
  remove(leftover: Leftover): Promise<void>;
}

export interface Bucket {
  /** Null: there is no such object, or no such bucket. */
  read(key: string): Promise<string | null>;
  write(key: string, text: string): Promise<void>;
  /** Succeeds on what is gone. */
  remove(key: string): Promise<void>;
}

export interface LeavingDeps {
  clock: Clock;
  /** Hex characters, for ids. */
  id: (length: number) => string;
  /** A line for people. */
  say: (line: string) => void;
  region: (name: string, stack: string) => Region;
  bucket: (name: string, region: string) => Bucket;
  /** The credential for GitHub. @throws when a parameter cannot be read */
  secrets: (names: SweepOptions["secrets"], region: string) => Promise<ManagerSecrets>;
  /**
   * Deletes the stack's scale sets and runner records at GitHub.
   * @returns names of what is left, each with the reason
   * @throws when not even a list could be had
   */
  forget: (
    options: Pick<SweepOptions, "github" | "pools" | "stack">,
    secrets: ManagerSecrets,
    signal: AbortSignal,
  ) => Promise<readonly string[]>;
}
