/** All places where machines come from, by name. */
import type { ManagerConfig } from "../../manager-config.ts";
import type { Deps } from "../deps.ts";
import type { Backend } from "../ports.ts";
import { makeLocalBackend } from "./local/local.ts";

/** Those that the settings name, and those that may still have machines from earlier settings. */
export function makeBackends(config: () => ManagerConfig, deps: Deps): Map<string, Backend> {
  const local = makeLocalBackend(config, deps);
  return new Map([[local.name, local]]);
}
