/** ACTIONS_RUNNER_HOOK_JOB_STARTED and _COMPLETED: scripts of whoever runs the machine (JobHookProvider.cs). */
import { existsSync } from "node:fs";
import type { StepMessage } from "../../wire.ts";
import { runProgram } from "./process.ts";
import { resolveShell, shellArguments } from "./shell.ts";
import type { Work } from "./step.ts";

export interface Hook {
  step: StepMessage;
  work: Work;
}

const kinds = {
  started: { variable: "ACTIONS_RUNNER_HOOK_JOB_STARTED", id: "__hook_started", name: "Set up runner" },
  completed: {
    variable: "ACTIONS_RUNNER_HOOK_JOB_COMPLETED",
    id: "__hook_completed",
    name: "Complete runner",
  },
} as const;

/** Null when none is set. It runs always, without a time limit; another exit code than 0 fails the job. */
export function hook(kind: keyof typeof kinds, env: NodeJS.ProcessEnv): Hook | null {
  const { variable, id, name } = kinds[kind];
  const path = env[variable];
  if (!path) return null;
  const step: StepMessage = {
    id,
    name,
    condition: "always()",
    env: {},
    continueOnError: false,
    timeoutMinutes: null,
    action: { kind: "run", script: path, shell: null, workingDirectory: null },
  };
  const work: Work = async ({ state, env: stepEnv, line, cancel }) => {
    line(`A job ${kind} hook has been configured by the self-hosted runner administrator`);
    if (!existsSync(path)) throw new Error("File doesn't exist");
    const shell = resolveShell(null, stepEnv["PATH"] ?? "");
    const program = {
      file: shell.file,
      args: shellArguments(shell, path),
      cwd: state.paths.workspace,
      env: stepEnv,
      line,
      cancel,
    };
    const code = await runProgram(program, state.deps);
    if (code !== 0) throw new Error(`Process completed with exit code ${code}.`);
  };
  return { step, work };
}
