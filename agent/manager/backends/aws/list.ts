/** Everything of this stack in a region but the manager, page by page: what runs, what ended and why. */
import type { Filter, Instance } from "@aws-sdk/client-ec2";
import { launchTag, offerTag, poolTag, roles, roleTag, stackTag } from "../../../aws-tags.ts";
import type { ListedEnd, ListedMachine } from "../../facts.ts";
import type { Calls } from "./calls.ts";
import { awsLimits } from "./limits.ts";

const tagOf = ({ Tags = [] }: Instance, key: string): string | null =>
  Tags.find(({ Key }) => Key === key)?.Value ?? null;

/** What was launched for jobs; the manager itself and machines that always exist have a role. */
export const isLaunched = (instance: Instance): boolean => tagOf(instance, roleTag) === null;
/** What `up` made for a pool with `fixed`. */
export const isFixed = (instance: Instance): boolean => tagOf(instance, roleTag) === roles.fixed;

export const stackFilter = (stack: string): Filter => ({ Name: `tag:${stackTag}`, Values: [stack] });

/** @throws CallFailed when a page is missing: a part is no list */
export async function instancesIn(
  region: string,
  filters: readonly Filter[],
  calls: Calls,
  signal: AbortSignal,
  pageSize: number = awsLimits.pageSize,
): Promise<Instance[]> {
  const found: Instance[] = [];
  const call = { region, action: "DescribeInstances", kind: "read" } as const;
  for (let token: string | undefined, first = true; first || token !== undefined; first = false) {
    const input = {
      Filters: [...filters],
      MaxResults: pageSize,
      ...(token === undefined ? {} : { NextToken: token }),
    };
    const page = await calls.make(call, signal, (ec2, heeded) => ec2.describeInstances(input, heeded));
    found.push(...(page.Reservations ?? []).flatMap(({ Instances = [] }) => Instances));
    token = page.NextToken || undefined;
  }
  return found.filter(
    (instance) => instance.InstanceId !== undefined && (isLaunched(instance) || isFixed(instance)),
  );
}

/** Codes of EC2's StateReason with which AWS itself took an instance away. */
const takenAway: Readonly<Record<string, string>> = {
  "Server.SpotInstanceTermination": "interrupted: EC2 took the spot instance back",
  "Server.SpotInstanceShutdown": "interrupted: EC2 took the spot instance back",
  "Server.ScheduledStop": "interrupted: EC2 stopped it as it had announced",
  "Server.InternalError": "interrupted: EC2 had an error of its own",
  "Server.InsufficientInstanceCapacity": "interrupted: EC2 had no machine for it after all",
};
const byItself: Readonly<Record<string, string>> = {
  "Client.InstanceInitiatedShutdown": "it powered itself off",
  "Client.UserInitiatedShutdown": "somebody ended it at EC2",
  "Client.VolumeLimitExceeded": "EC2 ended it: the account may have no more volumes",
  "Client.InternalError":
    "EC2 ended it at its start: its disk could not be made, mostly for want of a right to the KMS key",
};

/** How an instance that does not run came to its end. `gone`: EC2 shows terminated ones for about an hour. */
export function endOf({ State, StateReason }: Instance): ListedEnd {
  const { Code: code = "", Message: message = "" } = StateReason ?? {};
  const known = takenAway[code] ?? byItself[code];
  const said = [code, message].filter((text) => text !== "").join(": ");
  const why = known === undefined ? message || `EC2 says that it is ${State?.Name}` : `${known} (${said})`;
  return { why, interrupted: code in takenAway, gone: State?.Name === "terminated" };
}

export function asListed(instance: Instance): ListedMachine {
  const state = instance.State?.Name;
  const running = state === "pending" || state === "running";
  return {
    id: instance.InstanceId!,
    pool: tagOf(instance, poolTag) ?? "",
    launch: tagOf(instance, launchTag) ?? "",
    offer: tagOf(instance, offerTag) ?? "",
    startedMs: instance.LaunchTime?.getTime() ?? 0,
    running,
    ...(running ? {} : { end: endOf(instance) }),
  };
}
