/** hashFiles(): SHA-256 over the SHA-256 of every file that matches (src/Misc/expressionFunc/hashFiles). */
import { createHash } from "node:crypto";
import { globSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** @param patterns relative to the workspace; `!` takes out. @returns hex, or `` when nothing matches. */
export function hashFiles(workspace: string, patterns: readonly string[]): string {
  const exclude = patterns.filter((pattern) => pattern.startsWith("!")).map((pattern) => pattern.slice(1));
  const include = patterns.filter((pattern) => !pattern.startsWith("!"));
  const found = globSync(include, { cwd: workspace, exclude });
  const files = [...new Set(found)]
    .map((file) => join(workspace, file))
    .filter((file) => statSync(file).isFile());
  if (files.length === 0) return "";
  const total = createHash("sha256");
  for (const file of files.sort()) total.update(createHash("sha256").update(readFileSync(file)).digest());
  return total.digest("hex");
}
