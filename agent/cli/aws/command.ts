/** The real world for `muster sweep` of a stack on AWS; loaded only for one, since the SDK takes a second. */
import { awsBucket, awsRegion, awsSecrets } from "../../leaving/aws.ts";
import { forgetAtGitHub, tracesAtGitHub } from "../../leaving/github.ts";
import { silent } from "../../leaving/silent.ts";
import { managerSecrets } from "../../manager-config.ts";
import { realDeps } from "../../manager/deps.ts";
import type { CliDeps } from "../deps.ts";
import { CliError } from "../errors.ts";
import type { Terminal } from "../terminal.ts";
import type { LeavingState } from "./leaving-state.ts";
import { sweepAtAws, type AwsSweepDeps, type AwsSweepFlags } from "./sweep.ts";

/** @throws CliError */
const given = (text: string): Awaited<ReturnType<AwsSweepDeps["secrets"]>> => {
  try {
    return managerSecrets.parse(JSON.parse(text));
  } catch {
    // What it holds stays out of the message.
    throw new CliError('standard input is not {"githubToken": "..."} or {"githubAppKey": "..."}.');
  }
};

/** @returns the exit code. @throws CliError */
export const runAwsSweep = async (
  state: LeavingState,
  flags: AwsSweepFlags & { secrets: string | null },
  deps: Pick<CliDeps, "say"> & Pick<AwsSweepDeps, "confirmed"> & Pick<Terminal, "print" | "columns">,
): Promise<number> => {
  const manager = realDeps(silent);
  const interrupted = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.once(name, () => interrupted.abort(new CliError(`interrupted by ${name}: repeat it to go on`)));
  const secrets = flags.secrets === null ? null : given(flags.secrets);
  return sweepAtAws(
    state,
    flags,
    {
      ...deps,
      clock: manager.clock,
      id: manager.id,
      region: awsRegion,
      bucket: awsBucket,
      secrets: secrets ? () => Promise.resolve(secrets) : awsSecrets,
      forget: forgetAtGitHub(manager),
      traces: tracesAtGitHub(manager),
    },
    interrupted.signal,
  );
};
