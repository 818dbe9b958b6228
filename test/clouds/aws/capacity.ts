/** How many instances EC2 still has, by the test's table. What ends gives nothing back: the table says what there is. */
import type { Market } from "../../../agent/manager/backends/aws/scopes.ts";

/** Where an instance is asked for. */
export interface Place {
  region: string;
  type: string;
  zone: string;
  market: Market;
}
/** Every place that agrees in what is given: `{ type: "c7g.large" }` is that type in all zones and both markets, together. */
export type Pool = Partial<Place>;

/** Codes with which EC2 gives fewer instances than it was asked for, and what it says. */
const sentences = {
  InsufficientInstanceCapacity: ({ type, zone, market }: Place) =>
    market === "spot"
      ? "There is no Spot capacity available that matches your request."
      : `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}). Our system will be working on provisioning additional capacity.`,
  UnfulfillableCapacity: () =>
    "Unable to fulfill capacity due to your request configuration. Please adjust your request and try again.",
  MaxSpotInstanceCountExceeded: () => "Max spot instance count exceeded",
  VcpuLimitExceeded: () =>
    "You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the specified instance type belongs to.",
  InsufficientFreeAddressesInSubnet: () =>
    "There are not enough free addresses in the subnet to satisfy the requested number of instances.",
  Unsupported: ({ type, zone }: Place) =>
    `Your requested instance type (${type}) is not supported in your requested Availability Zone (${zone}).`,
  SpotMaxPriceTooLow: () =>
    "Your Spot request price is lower than the minimum required Spot request fulfillment price.",
  MaxFleetCountExceeded: () => "You've reached the limit on the number of fleets.",
} as const;
export type CapacityCode = keyof typeof sentences;

export interface Taken {
  got: number;
  /** Why it was not all. */
  lack: { code: CapacityCode; message: string } | null;
}

export interface Capacity {
  set(pool: Pool, left: number, code: CapacityCode): void;
  left(place: Place): number;
  /** As many as there are, at most those wanted; none where they are fewer than the least. */
  take(place: Place, wanted: number, least?: number): Taken;
  clear(): void;
}

export function makeCapacity(): Capacity {
  const rows = new Map<string, { pool: Pool; left: number; code: CapacityCode }>();
  const keyOf = ({ region, type, zone, market }: Pool) => JSON.stringify([region, type, zone, market]);
  const of = (place: Place) =>
    [...rows.values()].filter(({ pool }) =>
      Object.entries(pool).every(
        ([name, value]) => value === undefined || place[name as keyof Place] === value,
      ),
    );
  const left = (place: Place) => Math.min(Infinity, ...of(place).map((row) => row.left));
  return {
    left,
    set: (pool, most, code) => void rows.set(keyOf(pool), { pool, left: most, code }),
    take: (place, wanted, least = 0) => {
      const there = left(place);
      const got = there < least ? 0 : Math.min(wanted, there);
      const scarce = got < wanted ? of(place).find((row) => row.left === there) : undefined;
      for (const row of of(place)) row.left -= got;
      if (!scarce) return { got, lack: null };
      return { got, lack: { code: scarce.code, message: sentences[scarce.code](place) } };
    },
    clear: () => rows.clear(),
  };
}
