/** All places where machines come from, by name. */
import type { ManagerConfig } from "../../manager-config.ts";
import type { Deps } from "../deps.ts";
import type { Backend } from "../ports.ts";
import { makeAwsBackend } from "./aws/aws.ts";
import { readRegions } from "./aws/regions.ts";
import { makeLocalBackend } from "./local/local.ts";

/** Those that the settings name, those that they may come to name, and those that may still have machines from earlier ones. */
export function makeBackends(config: () => ManagerConfig, deps: Deps): Map<string, Backend> {
  const { pools, manager } = config();
  const named = Object.values(pools).some(({ backends }) => backends.some(({ kind }) => kind === "aws"));
  const mayCome = manager.agents !== null || readRegions(manager.directory).size > 0;
  const made = [makeLocalBackend(config, deps), ...(named || mayCome ? [makeAwsBackend(config, deps)] : [])];
  return new Map(made.map((backend) => [backend.name, backend]));
}
