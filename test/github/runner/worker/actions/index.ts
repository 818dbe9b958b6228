/** The simulated actions. */
import type { StepRun } from "../step.ts";
import { cache } from "./cache.ts";
import { checkout } from "./checkout.ts";
import { downloadArtifact } from "./download-artifact.ts";
import { setupNode } from "./setup-node.ts";
import { uploadArtifact } from "./upload-artifact.ts";

export interface ActionRun extends StepRun {
  /** `with`, evaluated. */
  inputs: Readonly<Record<string, string>>;
  uses: string;
}
/** Rejects to fail the step, in words for the log. */
export type Action = (run: ActionRun) => Promise<void>;

/** By the names of names.ts, lower case. */
export const actions: Readonly<Record<string, Action>> = {
  "actions/checkout": checkout,
  "actions/setup-node": setupNode,
  "actions/cache": cache,
  "actions/upload-artifact": uploadArtifact,
  "actions/download-artifact": downloadArtifact,
};
