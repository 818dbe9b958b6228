/** A `run:` step. */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { runProgram } from "./process.ts";
import { resolveShell, shellArguments } from "./shell.ts";
import type { StepRun } from "./step.ts";

export interface Script {
  script: string;
  /** Null: GitHub's default. */
  shell: string | null;
  /** Relative to the workspace; null: the workspace. */
  directory: string | null;
  /** Shown at the head of the log. */
  shownEnv: Readonly<Record<string, string>>;
}

/** The heading that GitHub folds: the script in cyan, the shell, the environment. */
function heading({ script, shownEnv }: Script, shell: string, env: NodeJS.ProcessEnv): string {
  const lines = script.trimEnd().split("\n");
  const shown = Object.keys(shownEnv).map((key) => `  ${key}: ${env[key] ?? ""}`);
  return [
    `##[group]Run ${lines[0] ?? ""}`,
    ...lines.map((line) => `\u001b[36;1m${line}\u001b[0m`),
    `shell: ${shell}`,
    ...(shown.length > 0 ? ["env:", ...shown] : []),
    "##[endgroup]",
  ].join("\n");
}

export async function runScript(script: Script, run: StepRun): Promise<void> {
  const { state, env, line, cancel } = run;
  const shell = resolveShell(script.shell, env["PATH"] ?? "");
  const path = join(state.paths.temp, `${randomUUID()}${shell.extension}`);
  writeFileSync(path, script.script);
  state.log.write(heading(script, `${shell.file} ${shell.format}`, env));
  const cwd = resolve(state.paths.workspace, script.directory ?? "");
  const code = await runProgram(
    { file: shell.file, args: shellArguments(shell, path), cwd, env, line, cancel },
    state.deps,
  );
  if (code !== 0) throw new Error(`Process completed with exit code ${code}.`);
}
