/**
 * Ends instances: this stack's, launched for jobs, and no others, whatever somebody believes of an id. Those that always exist
 * are stopped, never ended.
 */
import type { MachineId } from "../../world.ts";
import { CallFailed, type Calls } from "./calls.ts";
import { instancesIn, isFixed, isLaunched, stackFilter } from "./list.ts";
import { stopSlots } from "./slots.ts";

/** A place of a launch that nobody took is called otherwise. */
export const isInstanceId = (id: MachineId): boolean => /^i-[0-9a-f]{8,32}$/.test(id);

/** @returns those that were told to end or stop; what is gone or ends already, or is not of this stack, is not among them */
export async function endInstances(
  region: string,
  ids: readonly MachineId[],
  stack: string,
  calls: Calls,
  signal: AbortSignal,
): Promise<MachineId[]> {
  // A filter, unlike a list of ids, does not fail for one that EC2 has forgotten.
  const named = { Name: "instance-id", Values: [...ids] };
  const found = await instancesIn(region, [named, stackFilter(stack)], calls, signal);
  const ending = ["shutting-down", "terminated"];
  const due = found
    .filter(isLaunched)
    .filter(({ State }) => !ending.includes(State?.Name ?? ""))
    .map(({ InstanceId }) => InstanceId!);
  const stops = stopSlots(region, found.filter(isFixed), calls, signal);
  const [ended, stopped] = await Promise.allSettled([terminate(region, due, calls, signal), stops]);
  if (ended.status === "rejected") throw ended.reason;
  if (stopped.status === "rejected") throw stopped.reason;
  return [...due, ...stopped.value];
}

/** One that vanished in between fails the whole call: then the halves are asked for by themselves. */
async function terminate(
  region: string,
  ids: readonly MachineId[],
  calls: Calls,
  signal: AbortSignal,
): Promise<void> {
  if (ids.length === 0) return;
  const call = { region, action: "TerminateInstances", kind: "end" } as const;
  try {
    await calls.make(call, signal, (ec2, heeded) =>
      ec2.terminateInstances({ InstanceIds: [...ids] }, heeded),
    );
  } catch (error) {
    if (!(error instanceof CallFailed) || error.code !== "InvalidInstanceID.NotFound") throw error;
    if (ids.length === 1) return;
    const half = Math.ceil(ids.length / 2);
    await terminate(region, ids.slice(0, half), calls, signal);
    await terminate(region, ids.slice(half), calls, signal);
  }
}
