/** The call that launches machines: made once, kept with the launch, and sent again as it is. */
import { createHash } from "node:crypto";
import type { CreateFleetCommandInput, FleetLaunchTemplateOverridesRequest } from "@aws-sdk/client-ec2";
import { deadlineTag, launchTag, offerTag, poolTag, stackTag } from "../../../aws-tags.ts";
import type { AwsBackend } from "../../../manager-config.ts";
import type { LaunchRequest, Ms } from "../../world.ts";
import { awsLimits } from "./limits.ts";

/** JSON-safe; the journal keeps it with the launch. */
export interface Prepared {
  region: string;
  market: AwsBackend["market"];
  /** Subnet -> zone, for people: EC2's answer names subnets. */
  zones: Readonly<Record<string, string>>;
  input: CreateFleetCommandInput;
}

/** Of machines that always exist; the request names them. */
export interface PreparedStart {
  start: true;
  region: string;
  market: AwsBackend["market"];
}

export interface RequestArgs {
  /** `PROJECT/STACK`. */
  stack: string;
  launch: string;
  request: LaunchRequest;
  entry: AwsBackend;
  /** By when the machines must have enrolled. */
  deadlineMs: Ms;
}

/** At most 64 ASCII characters, of this stack alone: two stacks of an account share a region's tokens. */
const clientToken = (stack: string, launch: string): string =>
  `muster-${launch}-${createHash("sha256").update(stack).digest("hex").slice(0, 16)}`;

/** One subnet a zone: a fleet refuses the same type in the same zone twice. */
const subnetsOf = ({ subnets }: AwsBackend): string[] =>
  [...new Map([...subnets].reverse().map(({ zone, id }) => [zone, id])).values()].reverse();

const overridesOf = (entry: AwsBackend): FleetLaunchTemplateOverridesRequest[] =>
  entry.types
    .flatMap(({ name }, index) =>
      subnetsOf(entry).map((SubnetId) => ({
        InstanceType: name as NonNullable<FleetLaunchTemplateOverridesRequest["InstanceType"]>,
        SubnetId,
        // Spot goes by price and capacity; on demand in the order of the settings.
        ...(entry.market === "on-demand" && { Priority: index }),
      })),
    )
    .slice(0, awsLimits.overridesMax);

export function prepared({ stack, launch, request, entry, deadlineMs }: RequestArgs): Prepared {
  const tags = (more: Record<string, string>) =>
    Object.entries({ [stackTag]: stack, [poolTag]: request.pool, [launchTag]: launch, ...more }).map(
      ([Key, Value]) => ({ Key, Value }),
    );
  const ofMachines = tags({
    [offerTag]: request.offer,
    [deadlineTag]: new Date(deadlineMs).toISOString(),
  });
  const spot = entry.market === "spot";
  return {
    region: entry.region,
    market: entry.market,
    zones: Object.fromEntries(entry.subnets.map(({ id, zone }) => [id, zone])),
    input: {
      ClientToken: clientToken(stack, launch),
      Type: "instant",
      TargetCapacitySpecification: {
        TotalTargetCapacity: request.machines.length,
        DefaultTargetCapacityType: entry.market,
      },
      ...(spot
        ? { SpotOptions: { AllocationStrategy: "price-capacity-optimized" } }
        : { OnDemandOptions: { AllocationStrategy: "prioritized" } }),
      LaunchTemplateConfigs: [
        {
          LaunchTemplateSpecification: {
            LaunchTemplateId: entry.template.id,
            Version: String(entry.template.version),
          },
          Overrides: overridesOf(entry),
        },
      ],
      // Rights, lists and sweeps go by these from the machine's first moment.
      TagSpecifications: [
        ...(["instance", "volume", "network-interface"] as const).map((ResourceType) => ({
          ResourceType,
          Tags: ofMachines,
        })),
        { ResourceType: "fleet", Tags: tags({}) },
      ],
    },
  };
}
