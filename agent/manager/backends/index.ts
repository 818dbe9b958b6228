/** All places where machines come from, by name. */
import type { ManagerConfig } from "../../manager-config.ts";
import type { Deps } from "../deps.ts";
import type { Backend } from "../ports.ts";
import { makeAwsBackend } from "./aws/aws.ts";
import { makeLocalBackend } from "./local/local.ts";

/** Those that the settings name, and those that may still have machines from earlier settings. */
export function makeBackends(config: () => ManagerConfig, deps: Deps): Map<string, Backend> {
  const named = new Set(
    Object.values(config().pools).flatMap(({ backends }) => backends.map(({ kind }) => kind)),
  );
  const made = [makeLocalBackend(config, deps), ...(named.has("aws") ? [makeAwsBackend()] : [])];
  return new Map(made.map((backend) => [backend.name, backend]));
}
