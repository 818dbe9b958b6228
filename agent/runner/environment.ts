/** What a runner and its jobs see of this machine's environment: an allow list, and folders of their own. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inherited } from "../inherited.ts";
import { machineVariable } from "../machine-processes.ts";
import type { Slot } from "./slot.ts";

const passedOn = [...inherited, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"];

/** Those that env.sh of actions/runner (called by config.sh) copies into `.env`. */
const toolVariables = [
  "LANG",
  "JAVA_HOME",
  "ANT_HOME",
  "M2_HOME",
  "ANDROID_HOME",
  "ANDROID_SDK_ROOT",
  "GRADLE_HOME",
  "NVM_BIN",
  "NVM_PATH",
  "LD_LIBRARY_PATH",
  "PERL5LIB",
];

const chosen = (env: NodeJS.ProcessEnv, names: readonly string[]): [string, string][] =>
  names.flatMap((name) => (env[name] ? [[name, env[name]] as [string, string]] : []));

/** `.env` and `.path` in the runner's root, as config.sh would write them: with a JIT config nobody runs config.sh. */
export async function writeRunnerFiles(slot: Slot, env: NodeJS.ProcessEnv): Promise<void> {
  const lines = chosen(env, toolVariables).map(([name, value]) => `${name}=${value}\n`);
  await writeFile(join(slot.root, ".env"), lines.join(""));
  await writeFile(join(slot.root, ".path"), `${env["PATH"] ?? ""}\n`);
}

/** @param jitConfig in the environment, never in argv, which every user of the machine may read */
export function listenerEnvironment(
  slot: Slot,
  jitConfig: string,
  env: NodeJS.ProcessEnv,
): Record<string, string> {
  return {
    ...Object.fromEntries(chosen(env, [...passedOn, ...toolVariables])),
    HOME: slot.seen.home,
    TMPDIR: slot.seen.tmp,
    ...(slot.seen.user === null ? {} : { USER: slot.seen.user, LOGNAME: slot.seen.user }),
    [machineVariable]: slot.machine,
    ACTIONS_RUNNER_INPUT_JITCONFIG: jitConfig,
    // A version that GitHub no longer serves ends with code 7 instead of 1 (github.com/actions/runner, Runner.Listener).
    ACTIONS_RUNNER_RETURN_VERSION_DEPRECATED_EXIT_CODE: "1",
    ...(slot.confinement === null && process.getuid?.() === 0 ? { RUNNER_ALLOW_RUNASROOT: "1" } : {}),
  };
}
