/** Machine types: what they have and what they cost. Pure; the data is in catalog/. */
import type { MachineType } from "../agent/manager-config.ts";
import type { GpuVendor } from "../agent/protocol.ts";
import { families } from "./catalog/families.ts";
import { regionPrices, type RegionPrices, usdPerEur } from "./catalog/regions.ts";

export { pricesAsOf } from "./catalog/families.ts";
export { usdPerEur } from "./catalog/regions.ts";

export type Arch = "arm64" | "x64";
export type Market = "spot" | "on-demand";
export type Currency = MachineType["currency"];

/** What the specification asks of a machine, and what it recommends. Gigabytes of memory and disk. */
export const minimum = { cores: 4, memoryGb: 8, diskGb: 100, networkMbit: 100 } as const;
export const recommended = { cores: 8, memoryGb: 16, diskGb: 200 } as const;

export interface CatalogType {
  name: string;
  arch: Arch;
  cores: number;
  memoryMb: number;
  /** The baseline; null where it is not known. */
  networkMbit: number | null;
  gpus: number;
  gpu: { vendor: GpuVendor; model: string; memoryMb: number } | null;
  /** Region -> millionths of USD per hour on demand; empty where it is not known. */
  micros: Readonly<Record<string, number>>;
}

const types: ReadonlyMap<string, CatalogType> = new Map(
  families.flatMap((family) =>
    family.sizes.map((size) => {
      const name = `${family.name}.${size.name}`;
      const { micros, ...has } = size;
      const regions = { "us-east-1": micros, "eu-central-1": Math.round(micros * family.frankfurt) };
      return [name, { ...has, name, arch: family.arch, gpu: family.gpu, micros: regions }] as const;
    }),
  ),
);

export const typeNames: readonly string[] = [...types.keys()];

/** Regions with prices. */
export const pricedRegions: readonly string[] = Object.keys(regionPrices);

/** Null for a type that is not in the catalog. */
export const catalogType = (name: string): CatalogType | null => types.get(name) ?? null;

/** AWS's way of naming: class, generation, attributes; `g` among the attributes is Graviton. */
const naming = /^([a-z]+)(\d+)([a-z]*)(?:-[a-z0-9]+)?\.(nano|micro|small|medium|large|(\d*)xlarge)$/;
const memoryPerCore: Readonly<Record<string, number>> = { c: 2, m: 4, r: 8, x: 16 };
const smallSizes = new Set(["nano", "micro", "small"]);

/** What a new type's name tells: AWS names architecture, class and size in it. Null where it is no such name. */
export const guessType = (name: string): CatalogType | null => {
  const match = naming.exec(name);
  if (!match) return null;
  const [, kind = "", generation, attributes = "", size = "", times] = match;
  const cores =
    times !== undefined ? 4 * Number(times || 1) : size === "medium" ? 1 : smallSizes.has(size) ? 1 : 2;
  const gpus = ["g", "gr", "p"].includes(kind) ? 1 : 0;
  return {
    name,
    arch: attributes.includes("g") || `${kind}${generation}` === "a1" ? "arm64" : "x64",
    cores,
    memoryMb: cores * (memoryPerCore[kind] ?? (gpus > 0 ? 2 : 4)) * 1_024,
    networkMbit: null,
    gpus,
    gpu: gpus > 0 ? { vendor: "nvidia", model: "unknown", memoryMb: 0 } : null,
    micros: {},
  };
};

/**
 * What a spot machine is counted at before its price is known. In 2026 spot cost 35 to 53 % of on demand (c8g, g5g, g6
 * in us-east-1 and eu-central-1): the dear end of it, so that no budget is promised too much.
 */
export const spotShare = 0.55;

const dearest = (type: CatalogType): number => Math.max(0, ...Object.values(type.micros));
const dearestOfAll = Math.max(...[...types.values()].map(dearest));

/** Millionths of USD per hour, and whether the price is one of that region. */
export const microsOf = (
  type: CatalogType,
  region: string,
  market: Market,
): { micros: number; known: "yes" | "other-region" | "no" } => {
  const here = type.micros[region];
  const known = here !== undefined ? "yes" : dearest(type) > 0 ? "other-region" : "no";
  const onDemand = here ?? (known === "other-region" ? dearest(type) : dearestOfAll);
  return { micros: Math.round(market === "spot" && known !== "no" ? onDemand * spotShare : onDemand), known };
};

/** Of the region, else the dearest of those that are known. */
export const pricesOf = (region: string): RegionPrices => {
  const known = regionPrices[region];
  if (known) return known;
  const all = Object.values(regionPrices);
  const most = (key: keyof RegionPrices) => Math.max(...all.map((prices) => prices[key]));
  return {
    gp3GbMonth: most("gp3GbMonth"),
    gp3ThroughputMonth: most("gp3ThroughputMonth"),
    gp3IopsMonth: most("gp3IopsMonth"),
    ipv4Hour: most("ipv4Hour"),
    natHour: most("natHour"),
    alarmMonth: most("alarmMonth"),
  };
};

/** From millionths of USD. */
export const inCurrency = (micros: number, currency: Currency): number =>
  Math.round(currency === "EUR" ? micros / usdPerEur : micros);
