/** What the stand-in provider knows of one resource type. */
import type { Complaint } from "./complaints.ts";
import type { Props } from "./values.ts";

export interface Call {
  op: "create" | "update" | "delete" | "read";
  type: string;
  name: string;
  /** Empty in a preview, and in a create until the kind has said it. */
  id: string;
  /** What the program asks for (for a delete or a read: what it asked for last), secrets in the clear. */
  inputs: Props;
  /** Outputs in the state before this call, secrets in the clear. */
  olds: Props;
  /** Shows a line beside the resource while the call goes on. */
  log: (line: string) => void;
}

export interface Kind {
  /** Outputs that the provider makes up; unknown in the preview of a create. */
  computed?: Record<string, (call: Call) => unknown>;
  /** Outputs that `create` and `read` tell; unknown in the preview of a create. */
  answers?: readonly string[];
  /** Computed outputs that an update makes up again; the others keep their value. */
  volatile?: readonly string[] | ((changed: readonly string[]) => readonly string[]);
  /** Inputs whose change replaces the resource. */
  replace?: readonly string[] | ((changed: readonly string[], olds: Props, news: Props) => readonly string[]);
  deleteBeforeReplace?: boolean;
  /** Outputs that are always secret. */
  secret?: readonly string[];
  /** Every computed output is secret as soon as one input is. */
  secretFollowsInputs?: boolean;
  defaults?: Props;
  /** The input that gets a name from the resource's own and seven random digits where the program gives none. */
  autoName?: string;
  /** Inputs that the provider makes of what the program gives. */
  prepare?: (inputs: Props) => Props;
  /** Inputs that the real provider would refuse. */
  check?: (inputs: Props) => readonly Complaint[];
  /** Equal text for inputs that mean the same, such as one policy in two layouts. */
  normal?: Record<string, (value: unknown) => unknown>;
  /** Real work, never in a preview; what it returns joins the outputs. */
  run?: (call: Call) => Promise<Props | void>;
  /** Makes the real object and says its id. */
  create?: (call: Call) => Promise<string>;
  update?: (call: Call) => Promise<unknown>;
  delete?: (call: Call) => Promise<unknown>;
  /** Outputs as the cloud tells them, also of inputs that may drift; null: the object is gone. */
  read?: (call: Call) => Promise<Props | null>;
}
export type Kinds = Record<string, Kind>;

/** One plugin: its kinds, and what it makes of its own configuration. */
export interface Provider {
  kinds: Kinds;
  /** @throws Error when it cannot work so */
  configure?: (config: Props) => void;
  checkConfig?: (config: Props) => readonly Complaint[];
  /** Asked before each piece of real work; throws to let it fail. */
  fault?: (call: Call) => void;
  /** The engine was interrupted: what goes on shall end. */
  cancel?: () => void;
}
