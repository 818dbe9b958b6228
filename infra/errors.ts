/** Failures of the program that people can cure: Pulumi prints them without a stack. */
import { RunError } from "@pulumi/pulumi/errors.js";

/** One wrong setting. */
export interface Wrong {
  /** As people write it: `muster:pools.arm64.max`. */
  path: string;
  /** What was given, as JSON; null when nothing was. Never a secret. */
  given: string | null;
  /** What is allowed, with the cure, as one sentence without a full stop. */
  allowed: string;
}

/** With commands as the pages have them: who follows those has no `pulumi` on PATH. */
export const typable = (allowed: string) => allowed.replace(/\bpulumi config /g, "npm run pulumi -- config ");

/** Everything that is wrong with the settings, at once. */
export class SettingsError extends RunError {
  readonly wrong: readonly Wrong[];
  constructor(stack: string, wrong: readonly Wrong[]) {
    const lines = wrong.map(
      ({ path, given, allowed }) =>
        `  ${path}${given === null ? "" : ` = ${given}`}: ${typable(allowed)}${allowed.endsWith("?") ? "" : "."}`,
    );
    const things = wrong.length === 1 ? "one thing is" : `${wrong.length} things are`;
    super(`${things} wrong with the settings of stack ${stack}; nothing was changed.\n${lines.join("\n")}`);
    this.wrong = wrong;
  }
}

/** A bundle could not be built, or grew too large. */
export class BundleError extends RunError {}

/** Another program uses the component in a way that would not do what it means. */
export class UsageError extends RunError {}

/** The Node of the manager's machine could not be had, or is not the pinned one. */
export class NodeError extends RunError {}
