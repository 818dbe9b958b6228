/** What the manager is told of a type: with the price at which it is counted. */
import type { MachineType } from "../../agent/manager-config.ts";
import {
  type CatalogType,
  type Currency,
  inCurrency,
  type Market,
  microsOf,
  pricedRegions,
} from "../catalog.ts";
import type { Path, Reader } from "../reader.ts";

export interface Priced {
  region: string;
  market: Market;
  /** USD per hour, of the settings. */
  price: number | undefined;
  currency: Currency;
}

/** Warns where the price is not known: a budget then counts with too much rather than too little. */
export const machineTypeOf = (type: CatalogType, at: Priced, path: Path, reader: Reader): MachineType => {
  const { micros, known } = microsOf(type, at.region, at.market);
  if (at.price === undefined && known === "no")
    reader.warn(
      path,
      `the price of ${type.name} is not known, so it is counted as the dearest type that is; ` +
        "give price, in USD per hour, in an entry of its own",
    );
  if (at.price === undefined && known === "other-region")
    reader.warn(
      path,
      `prices in ${at.region} are not known, so they are counted as the dearer of ${pricedRegions.join(" and ")}; give price to say better`,
    );
  return {
    name: type.name,
    cores: type.cores,
    memoryMb: type.memoryMb,
    gpus: type.gpus,
    microsPerHour: inCurrency(at.price === undefined ? micros : Math.round(at.price * 1e6), at.currency),
    currency: at.currency,
  };
};
