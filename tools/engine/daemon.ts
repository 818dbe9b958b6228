/**
 * The local daemon beside Pulumi's state: a supervisor that was killed, or a computer that was started again, changes
 * nothing in the state, so `up` alone would find nothing to do. Here it is started again from what the state holds.
 */
import { realCliDeps, type CliDeps } from "../../agent/cli/deps.ts";
import { supervisorAlive } from "../../agent/cli/local/daemon.ts";
import { leaveSecrets } from "../../agent/cli/local/secrets.ts";
import { parseSettings } from "../../agent/cli/local/settings.ts";
import { start } from "../../agent/cli/local/start.ts";
import type { Ran } from "./run.ts";

export interface DaemonContext {
  root: string;
  /** Runs Pulumi on the stack. */
  pulumi: (args: readonly string[]) => Promise<Ran>;
  log: (line: string) => void;
}

interface Exported {
  deployment?: { resources?: { urn: string; type: string; inputs?: { stdin?: unknown } }[] };
}

/** Standard input of the stack's two commands, as they last ran; null where there is none. */
const readState = async (context: DaemonContext, showSecrets: boolean) => {
  const ran = await context.pulumi(["stack", "export", ...(showSecrets ? ["--show-secrets"] : [])]);
  const { deployment } = (ran.code === 0 ? JSON.parse(ran.stdout) : {}) as Exported;
  const stdin = (name: "manager" | "secrets"): string | null => {
    const command = deployment?.resources?.find(
      ({ urn, type }) =>
        type === "command:local:Command" && urn.includes("muster:local:Manager") && urn.endsWith(`-${name}`),
    );
    const value = command?.inputs?.stdin;
    if (typeof value === "string") return value;
    // A secret in the clear: its plaintext is the JSON of the value.
    const plaintext = (value as { plaintext?: string } | undefined)?.plaintext;
    return plaintext === undefined ? null : (JSON.parse(plaintext) as string);
  };
  return { manager: stdin("manager"), secrets: showSecrets ? stdin("secrets") : null };
};

const config = (stdin: string) => parseSettings(stdin, "the settings in Pulumi's state");

/**
 * Before `up`: gives the secrets to a daemon that is gone, since `up` itself hands them over only when they change.
 * @returns the settings it had; null when the stack has no manager yet
 */
export const prepareDaemon = async (
  context: DaemonContext,
  deps: CliDeps = realCliDeps,
): Promise<string | null> => {
  const { manager } = await readState(context, false);
  if (manager === null) return null;
  const { directory } = config(manager).manager;
  if (await supervisorAlive(directory)) return manager;
  const { secrets } = await readState(context, true);
  if (secrets !== null) await leaveSecrets(directory, secrets, deps);
  return manager;
};

/** After `up`: whatever it changed or found unchanged, the daemon runs, is well and launches machines. */
export const keepDaemon = async (
  before: string | null,
  context: DaemonContext,
  deps: CliDeps = realCliDeps,
): Promise<void> => {
  // A first `up` has just started it.
  if (before === null) return;
  const { manager } = await readState(context, false);
  if (manager === null) return;
  const settings = config(manager);
  if (!(await supervisorAlive(settings.manager.directory)))
    context.log("the manager was gone although Pulumi saw no change: starting it again");
  await start(settings, { ...deps, say: context.log });
};
