/** What the doctor says: one line a thing that was looked at. docs/doctor.md has a paragraph for each id. */

/** skipped: it could not be looked at, since something before it is missing. */
export type Level = "ok" | "warning" | "blocker" | "skipped";

export const checkIds = [
  "node",
  "npm",
  "git",
  "tar",
  "bash",
  "isolation",
  "session-manager",
  "pulumi-engine",
  "pulumi-login",
  "stack",
  "passphrase",
  "settings",
  "github-reach",
  "clock",
  "github-login",
  "github-rights",
  "token-expiry",
  "rate-limit",
  "runner-group",
  "labels",
  "public-repositories",
  "runner-version",
  "aws-login",
  "aws-regions",
  "aws-rights",
  "spot-role",
  "quotas",
  "machine-types",
  "templates",
  "manager-rights",
  "manager-machine",
  "folder",
  "disk",
  "capacity",
  "port",
  "supervisor",
  "manager",
  "version",
  "journal",
  "leftovers",
  "set-aside",
] as const;
export type CheckId = (typeof checkIds)[number];

export interface Finding {
  id: CheckId;
  level: Level;
  /** What was found, in a sentence. Never a secret. */
  found: string;
  /** The command or the step that cures it; empty where nothing is to be done. */
  cure: string;
}

/** Something that a check needs is not there; the check that is about it says so itself. */
export class Missing extends Error {
  override name = "Missing";
}

export const ok = (id: CheckId, found: string): Finding => ({ id, level: "ok", found, cure: "" });
export const warning = (id: CheckId, found: string, cure: string): Finding => ({
  id,
  level: "warning",
  found,
  cure,
});
export const blocker = (id: CheckId, found: string, cure: string): Finding => ({
  id,
  level: "blocker",
  found,
  cure,
});
