/** EC2 as a backend for the contract: the real SDK over HTTP, the stand-in of AWS or moto alone behind it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DescribeInstancesCommand, EC2Client, type Instance, RunInstancesCommand } from "@aws-sdk/client-ec2";
import { pino } from "pino";
import { launchTag, poolTag, roles, roleTag, stackTag } from "../../../agent/aws-tags.ts";
import { makeAwsBackend } from "../../../agent/manager/backends/aws/aws.ts";
import { realDeps } from "../../../agent/manager/deps.ts";
import type { AwsBackend, ManagerConfig } from "../../../agent/manager-config.ts";
import type { Aws } from "../../clouds/aws/aws.ts";
import type { BackendRig } from "../../agent/manager/backends/contract.ts";
import { config } from "../../agent/manager/worlds.ts";
import { makeEntry } from "../with-aws.ts";

export const region = "eu-central-1";
export const stack = "muster/test";
const ec2 = () => new EC2Client({ region });

export const tagged = (tags: Record<string, string>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** Everything that EC2 tells of, however it ended. */
export const instances = async (): Promise<Instance[]> => {
  const { Reservations = [] } = await ec2().send(new DescribeInstancesCommand({}));
  return Reservations.flatMap(({ Instances = [] }) => Instances);
};

/** Whose instances no manager may list or touch: of other stacks, of nobody, and the manager itself. */
const owners: Record<string, string>[] = [
  { [stackTag]: "muster/other", [poolTag]: "pool-a" },
  { [stackTag]: stack, [roleTag]: roles.manager },
  { [poolTag]: "pool-a" },
];
export const fixedOf: Record<string, string> = {
  ...{ [stackTag]: stack, [poolTag]: "pool-a", [roleTag]: roles.fixed },
};

/** Starts one of each. */
export const runTagged = async (all = owners): Promise<string[]> => {
  const runs = all.map(async (tags) => {
    const { Instances = [] } = await ec2().send(
      new RunInstancesCommand({
        ...{ ImageId: "ami-12345678", InstanceType: "c7g.large", MinCount: 1, MaxCount: 1 },
        TagSpecifications: [{ ResourceType: "instance", Tags: tagged(tags) }],
      }),
    );
    return Instances[0]!.InstanceId!;
  });
  return Promise.all(runs);
};

export interface AwsBackendRig extends BackendRig {
  /** From now on, for managers made from now on and before. */
  set(entry: AwsBackend): void;
}

/** @param aws the stand-in; null: moto alone has the address, and what a test wants of EC2 has no effect */
export async function makeAwsRig(aws: Aws | null): Promise<AwsBackendRig> {
  const directory = mkdtempSync(join(tmpdir(), "muster-aws-"));
  const settingsOf = (entry: AwsBackend): ManagerConfig => {
    const base = config({ "pool-a": { backends: [entry] } });
    return { ...base, manager: { ...base.manager, directory } };
  };
  const entry = await makeEntry(region);
  let settings = settingsOf(entry);
  const make = () => makeAwsBackend(() => settings, realDeps(pino({ level: "silent" })));
  return {
    backend: make(),
    entry,
    set: (changed) => void (settings = settingsOf(changed)),
    another: make,
    made: async (launch) => {
      const launched = (instance: Instance) =>
        (instance.Tags ?? []).some(({ Key, Value }) => Key === launchTag && Value === launch);
      return (await instances()).filter(launched).length;
    },
    stop: async (machine) => void (await aws?.powerOff(machine)),
    lackOne: async ({ machines }) => (aws?.capacity({ region }, machines.length - 1), "no-capacity"),
    lackAll: async () => (aws?.capacity({ region }, 0, "UnfulfillableCapacity"), "no-capacity"),
    failLists: async () => {
      aws?.pageSize(1);
      aws?.fail("DescribeInstances", { code: "Unavailable", after: 1 });
    },
    close: async () => rmSync(directory, { recursive: true }),
    remote: {
      loseAnswers: (on) => aws?.loseAnswers("CreateFleet", on ? Infinity : 0),
      throttle: () => aws?.throttle("CreateFleet", { tokens: 0 }),
      smallPages: () => aws?.pageSize(1),
      foreign: () => runTagged(),
      exists: async (id) =>
        (await instances()).some(({ InstanceId, State }) => InstanceId === id && State?.Name === "running"),
    },
  };
}
