/** Lints every workflow of this repository: its own, and those for users, which GitHub would not run here. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { run } from "../engine/run.ts";
import { findActionlint } from "./find.ts";

const root = join(import.meta.dirname, "../..");

/** Every workflow in the checkout, from its root. */
export const workflowFiles = (): string[] =>
  globSync([".github/workflows/*.{yml,yaml}", "examples/workflows/*.{yml,yaml}"], { cwd: root }).sort();

/** What actionlint says of these files; empty when nothing is wrong. */
export const lintWorkflows = async (files: readonly string[], program: string): Promise<string> => {
  // Whatever else is installed on a computer must not change what is wrong with a workflow.
  const args = ["-no-color", "-shellcheck=", "-pyflakes=", "-config-file", "tools/actionlint/config.yaml"];
  const ran = await run(program, [...args, ...files], { cwd: root, limitMs: 60_000 });
  return ran.code === 0 ? "" : `${ran.stdout}${ran.stderr}`.trim() || `actionlint ended with ${ran.code}`;
};

if (import.meta.main) {
  const files = workflowFiles();
  const program = await findActionlint({ log: (line) => void process.stdout.write(`${line}\n`) });
  const said = await lintWorkflows(files, program);
  if (said !== "") process.stdout.write(`${said}\n`);
  process.exitCode = said === "" && files.length > 0 ? 0 : 1;
}
