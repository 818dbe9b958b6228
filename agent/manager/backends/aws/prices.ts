/** Spot prices as they are, read once an hour where the role may; until then, and without them, the settings' count. */
import type { AwsBackend, ManagerConfig } from "../../../manager-config.ts";
import type { Deps } from "../../deps.ts";
import type { MicrosPerHour, Ms } from "../../world.ts";
import type { Calls } from "./calls.ts";
import { awsLimits } from "./limits.ts";

export interface Prices {
  /** The dearest of the entry's types, wherever it may launch them, with what each machine costs besides. */
  of(entry: AwsBackend): MicrosPerHour;
  /** Reads them now and from then on; `changed` is called after each time that brought news. */
  watch(changed: () => void): () => void;
}

const keyOf = (region: string, type: string, zone: string) => `${region} ${zone} ${type}`;

export const entriesOf = ({ pools }: ManagerConfig): AwsBackend[] =>
  Object.values(pools).flatMap(({ backends }) => backends.filter((entry) => entry.kind === "aws"));

export function makePrices(config: () => ManagerConfig, calls: Calls, { clock, log }: Deps): Prices {
  const known = new Map<string, { micros: MicrosPerHour; atMs: Ms }>();
  const over = new AbortController();

  const live = (region: string, type: string, zone: string): MicrosPerHour | null => {
    const price = known.get(keyOf(region, type, zone));
    return price && clock.now() - price.atMs < awsLimits.priceKeptMs ? price.micros : null;
  };

  const read = async (region: string, types: readonly string[], signal: AbortSignal): Promise<void> => {
    const call = { region, action: "DescribeSpotPriceHistory", kind: "read" } as const;
    for (let token: string | undefined, first = true; first || token !== undefined; first = false) {
      const input = {
        InstanceTypes: [...types] as never[],
        ProductDescriptions: ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"],
        // The price that holds now was set before: EC2 gives that one for each type and zone.
        StartTime: new Date(clock.now()),
        ...(token === undefined ? {} : { NextToken: token }),
      };
      const page = await calls.make(call, signal, (ec2, heeded) =>
        ec2.describeSpotPriceHistory(input, heeded),
      );
      for (const { InstanceType, AvailabilityZone, SpotPrice } of page.SpotPriceHistory ?? []) {
        const micros = Math.ceil(Number(SpotPrice) * 1e6);
        if (InstanceType !== undefined && AvailabilityZone !== undefined && micros > 0)
          known.set(keyOf(region, InstanceType, AvailabilityZone), { micros, atMs: clock.now() });
      }
      token = page.NextToken || undefined;
    }
  };
  const readAll = async () => {
    const spot = entriesOf(config()).filter(({ market, fixed }) => market === "spot" && fixed.length === 0);
    for (const region of new Set(spot.map((entry) => entry.region))) {
      const here = spot.filter((entry) => entry.region === region);
      const types = [...new Set(here.flatMap((entry) => entry.types.map(({ name }) => name)))];
      await read(region, types, over.signal).catch((error: unknown) => {
        if (!over.signal.aborted)
          log.warn({ err: error, region }, "aws: spot prices cannot be read; the settings' are counted");
      });
    }
  };

  return {
    of: ({ region, market, types, subnets, besideMicrosPerHour }) => {
      const price = (type: string, counted: MicrosPerHour) => {
        if (market !== "spot") return counted;
        const prices = subnets
          .map(({ zone }) => live(region, type, zone))
          .filter((micros) => micros !== null);
        return prices.length === 0 ? counted : Math.max(...prices);
      };
      const dearest = Math.max(...types.map(({ name, microsPerHour }) => price(name, microsPerHour)));
      return dearest + besideMicrosPerHour;
    },
    watch: (changed) => {
      let cancel = () => {};
      const turn = async () => {
        await readAll();
        if (over.signal.aborted) return;
        changed();
        cancel = clock.after(awsLimits.pricePeriodMs, () => void turn());
      };
      void turn();
      return () => {
        over.abort();
        cancel();
      };
    },
  };
}
