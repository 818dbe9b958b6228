/** What the stand-in provider knows of one resource type. */
import type { Props } from "./values.ts";

export interface Call {
  op: "create" | "update" | "delete";
  type: string;
  name: string;
  /** Empty in a preview. */
  id: string;
  /** What the program asks for (for a delete: what it asked for last), secrets in the clear. */
  inputs: Props;
  /** Outputs in the state before this call, secrets in the clear. */
  olds: Props;
  /** Shows a line beside the resource while the call goes on. */
  log: (line: string) => void;
}

export interface Kind {
  /** Outputs that the provider makes up; unknown in the preview of a create. */
  computed?: Record<string, (call: Call) => unknown>;
  /** Computed outputs that an update makes up again; the others keep their value. */
  volatile?: readonly string[];
  /** Inputs whose change replaces the resource. */
  replace?: readonly string[];
  deleteBeforeReplace?: boolean;
  /** Outputs that are always secret. */
  secret?: readonly string[];
  /** Every computed output is secret as soon as one input is. */
  secretFollowsInputs?: boolean;
  defaults?: Props;
  /** Property name to complaint, for inputs that the real provider would refuse. */
  check?: (inputs: Props) => Record<string, string>;
  /** Real work, never in a preview; what it returns joins the outputs. */
  run?: (call: Call) => Promise<Props | void>;
}
export type Kinds = Record<string, Kind>;
