/**
 * Machines whose host EC2 calls broken. Their agents fall silent, but a job on one would be waited for until its time is
 * over. One call a minute and region asks for the broken ones alone, of whomever: there are hardly ever any.
 */
import type { Deps } from "../../deps.ts";
import type { ListedMachine } from "../../facts.ts";
import type { MachineId, Ms } from "../../world.ts";
import type { Calls } from "./calls.ts";
import { awsLimits } from "./limits.ts";

export interface Health {
  /** The list with what is broken marked as not running; asks EC2 when it is time. Never rejects. */
  judged(
    region: string,
    machines: readonly ListedMachine[],
    signal: AbortSignal,
  ): Promise<readonly ListedMachine[]>;
}

export function makeHealth(calls: Calls, { clock, log }: Pick<Deps, "clock" | "log">): Health {
  /** When each region was last asked; the first list only begins the wait. */
  const askedMs = new Map<string, Ms>();
  const brokenSinceMs = new Map<MachineId, Ms>();
  const said = new Set<string>();

  const ask = async (region: string, ours: readonly MachineId[], signal: AbortSignal): Promise<void> => {
    const call = { region, action: "DescribeInstanceStatus", kind: "read" } as const;
    const Filters = [{ Name: "system-status.status", Values: ["impaired"] }];
    const { InstanceStatuses = [] } = await calls.make(call, signal, (ec2, heeded) =>
      ec2.describeInstanceStatus({ Filters }, heeded),
    );
    const broken = new Set(InstanceStatuses.map(({ InstanceId }) => InstanceId));
    for (const id of ours) {
      if (!broken.has(id)) brokenSinceMs.delete(id);
      else if (!brokenSinceMs.has(id)) brokenSinceMs.set(id, clock.now());
    }
  };
  const judge = (machine: ListedMachine): ListedMachine => {
    const sinceMs = brokenSinceMs.get(machine.id);
    if (!machine.running || sinceMs === undefined || clock.now() - sinceMs < awsLimits.brokenMs)
      return machine;
    const why = "interrupted: EC2 calls its host impaired (system status check)";
    return { ...machine, running: false, end: { why, interrupted: true, gone: false } };
  };

  return {
    judged: async (region, machines, signal) => {
      const running = machines.filter((machine) => machine.running).map(({ id }) => id);
      const ended = machines.filter((machine) => !machine.running);
      for (const { id } of ended) brokenSinceMs.delete(id);
      const lastMs = askedMs.get(region);
      const due = lastMs !== undefined && clock.now() - lastMs >= awsLimits.healthPeriodMs;
      if (lastMs === undefined || due) askedMs.set(region, clock.now());
      if (due && running.length > 0)
        await ask(region, running, signal).catch((error: unknown) => {
          // The list is whole without it.
          if (!said.has(region)) log.warn({ err: error, region }, "aws: the health of hosts cannot be read");
          said.add(region);
        });
      return machines.map(judge);
    },
  };
}
