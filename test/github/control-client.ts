/** The control object over HTTP: POST /_simulator/{method} with its arguments as a JSON array. */
import type { Control } from "./control.ts";

/** What other processes may call; predicates cannot travel. */
export const remoteMethods = [
  "dispatchWorkflow",
  "dispatchJobs",
  "cancelJob",
  "cancelRun",
  "rerun",
  "runs",
  "run",
  "jobs",
  "job",
  "runners",
  "scaleSets",
  "tokens",
  "issuedSecrets",
  "events",
  "calls",
  "installApp",
  "apps",
  "setFault",
  "clearFaults",
  "faults",
  "revokeTokens",
  "evictSession",
  "deleteScaleSet",
  "removeRunner",
  "setPrivate",
  "setGroup",
  "wait",
] as const satisfies readonly (keyof Control)[];
export type RemoteMethod = (typeof remoteMethods)[number];

export type RemoteControl = {
  [M in RemoteMethod]: (...args: Parameters<Control[M]>) => Promise<Awaited<ReturnType<Control[M]>>>;
};

/** `signal` bounds every call; `wait` bounds itself as well. */
export function connectControl(url: string, signal?: AbortSignal, fetch = globalThis.fetch): RemoteControl {
  const call = async (method: RemoteMethod, args: readonly unknown[]) => {
    const response = await fetch(`${url}/_simulator/${method}`, {
      method: "POST",
      body: JSON.stringify(args),
      headers: { "content-type": "application/json" },
      ...(signal && { signal }),
    });
    const answer = (await response.json()) as { result?: unknown; error?: string };
    if (answer.error !== undefined) throw new Error(`simulator, ${method}: ${answer.error}`);
    return answer.result;
  };
  const methods = remoteMethods.map((method) => [method, (...args: unknown[]) => call(method, args)]);
  return Object.fromEntries(methods) as RemoteControl;
}
