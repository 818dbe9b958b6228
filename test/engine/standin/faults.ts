/** Failures on request: a test writes which calls must fail into a file, and the plugins look into it at each call. */
import { readFileSync } from "node:fs";
import type { Call } from "./kind.ts";

/** Environment variable with the path of the file. */
export const faultsVariable = "MUSTER_STANDIN_FAULTS";

export interface Fault {
  op: "create" | "update" | "delete";
  /** A regular expression that the type and name must match: `aws:ec2/instance:Instance manager`. */
  match: string;
  /** The error, as the cloud would say it. */
  message: string;
}

/** @throws Error from what it returns, when a fault of the file matches the call */
export const faults =
  (env: NodeJS.ProcessEnv) =>
  (call: Call): void => {
    const file = env[faultsVariable];
    if (!file) return;
    const wanted = JSON.parse(readFileSync(file, "utf8")) as Fault[];
    const found = wanted.find(
      ({ op, match }) => op === call.op && new RegExp(match).test(`${call.type} ${call.name}`),
    );
    if (found) throw new Error(found.message);
  };
