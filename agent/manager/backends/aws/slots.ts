/**
 * Machines that always exist (`fixed`): Pulumi makes and deletes them, and the manager only starts and stops them. One that runs
 * serves job after job; it is stopped when it shall not go on as it is (drained, silent, not clean, or nobody remembers
 * whether its document was used) and started, with a new document, when a job waits.
 */
import type { Instance } from "@aws-sdk/client-ec2";
import type { AwsBackend, ManagerConfig } from "../../../manager-config.ts";
import type { Failure, ListedMachine } from "../../facts.ts";
import type { LaunchAnswer } from "../../ports.ts";
import type { LaunchRequest, MachineId, StandingSlot } from "../../world.ts";
import type { Calls } from "./calls.ts";
import { isRefusal } from "./launch.ts";
import { asListed, endOf } from "./list.ts";
import type { PreparedStart } from "./request.ts";
import { classifyAws, offerKey } from "./scopes.ts";

export interface Fixed {
  pool: string;
  entry: AwsBackend;
}

/** By id; settings are believed for whose it is, its tag only for being one at all. */
export function fixedOf({ pools }: ManagerConfig): Map<MachineId, Fixed> {
  return new Map(
    Object.entries(pools).flatMap(([pool, { backends }]) =>
      backends.flatMap((entry) =>
        entry.kind === "aws" ? entry.fixed.map((id) => [id, { pool, entry }] as const) : [],
      ),
    ),
  );
}

/** As a machine of the pool that the settings name. What stands still is listed as gone: nothing of its last start is left. */
export function slotListed(instance: Instance, { pool, entry }: Fixed): ListedMachine {
  const { end, ...rest } = asListed(instance);
  const state = instance.State?.Name;
  const gone = state === "stopped" || state === "terminated";
  return {
    ...rest,
    ...{ pool, launch: "", offer: offerKey(pool, entry.name), slot: true },
    ...(end && { end: { ...end, gone } }),
  };
}

/** Those of an entry that do not run, as the region's last list has them. */
export function standingOf(entry: AwsBackend, found: ReadonlyMap<MachineId, Instance>): StandingSlot[] {
  return entry.fixed.flatMap((id): StandingSlot[] => {
    const instance = found.get(id);
    const state = instance?.State?.Name;
    if (instance && state === "stopped") return [{ id, free: true, why: endOf(instance).why }];
    if (instance && state !== "terminated" && state !== "shutting-down") return [];
    const lost = "EC2 has no such instance any more: `pulumi refresh`, then `pulumi up`, makes another";
    return [{ id, free: false, why: lost }];
  });
}

/** Each by itself: one for which EC2 has no room keeps no other from starting. @throws CallFailed when an outcome is unknown */
export async function startSlots(
  { machines, offer }: LaunchRequest,
  { region, market }: PreparedStart,
  calls: Calls,
  signal: AbortSignal,
): Promise<LaunchAnswer> {
  const call = { region, action: "StartInstances", kind: "launch" } as const;
  const started: MachineId[] = [];
  const failures: Failure[] = [];
  const one = async (id: MachineId) => {
    try {
      await calls.make(call, signal, (ec2, heeded) => ec2.startInstances({ InstanceIds: [id] }, heeded));
      started.push(id);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      failures.push(classifyAws(error, { market, offer }));
    }
  };
  const unknown = (await Promise.allSettled(machines.map(one))).find(({ status }) => status === "rejected");
  if (unknown?.status === "rejected") throw unknown.reason;
  return { machines: started, failures };
}

/** @returns those that were told to stop; one that starts is asked again later, what stands or stops already is not asked */
export async function stopSlots(
  region: string,
  found: readonly Instance[],
  calls: Calls,
  signal: AbortSignal,
): Promise<MachineId[]> {
  const ids = found.filter(({ State }) => State?.Name === "running").map(({ InstanceId }) => InstanceId!);
  const call = { region, action: "StopInstances", kind: "end" } as const;
  if (ids.length > 0)
    await calls.make(call, signal, (ec2, heeded) => ec2.stopInstances({ InstanceIds: ids }, heeded));
  return ids;
}
