/** actions/setup-node: installs nothing, and says what there is. */
import { which } from "../shell.ts";
import type { Action } from "./index.ts";

export const setupNode: Action = ({ inputs, env, line }) => {
  const node = which("node", env["PATH"] ?? "");
  const wanted = inputs["node-version"] ? ` (asked for: ${inputs["node-version"]})` : "";
  line(`actions/setup-node is simulated${wanted}: nothing was installed; node is ${node ?? "not on PATH"}`);
  return Promise.resolve();
};
