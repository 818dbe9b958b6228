/** A pool's `aws` entry -> AwsBackendSettings: defaults by what the pool is, and everything that does not fit. */
import { gp3Base } from "../catalog/regions.ts";
import { type Arch, type CatalogType, type Currency, minimum, recommended } from "../catalog.ts";
import type { Path, Reader } from "../reader.ts";
import { promised } from "./arch-labels.ts";
import { checkFits, knownTypes } from "./fits.ts";
import { defaultImage } from "./images.ts";
import { machineTypeOf } from "./prices.ts";
import type { Entry } from "./entry-schema.ts";
import type { AwsBackendSettings } from "./settings.ts";

/** What the settings of a pool say of the machines that it needs. */
export interface Wants {
  /** Null where the settings name none. */
  labels: readonly string[] | null;
  gpu: boolean;
  /** Of the whole stack. */
  home: string;
  currency: Currency;
}

/** Of the recommended size, 8 cores and 16 GB; several, since spot of one type alone is often not to be had. */
const defaults: Readonly<Record<`${Arch}${"-gpu" | ""}`, readonly string[]>> = {
  arm64: ["c8g.2xlarge", "c7g.2xlarge", "m8g.2xlarge", "m7g.2xlarge"],
  x64: ["c7i.2xlarge", "c7a.2xlarge", "m7i.2xlarge", "m7a.2xlarge"],
  "arm64-gpu": ["g5g.2xlarge"],
  "x64-gpu": ["g4dn.2xlarge", "g6.2xlarge"],
};

/** MiB/s that an IOPS of gp3 allows. */
const throughputPerIops = 0.25;

const iopsFor = (throughput: number): number =>
  Math.max(gp3Base.iops, Math.ceil(throughput / throughputPerIops));

const defaultDisk = (types: readonly CatalogType[]): number =>
  types.every(({ cores }) => cores >= recommended.cores) ? recommended.diskGb : minimum.diskGb;

/** @returns null where something is wrong, which the reader then has */
export const readEntry = (
  entry: Entry,
  path: Path,
  wants: Wants,
  reader: Reader,
): Omit<AwsBackendSettings, "name"> | null => {
  const before = reader.wrong.length;
  const arch = promised(wants.labels)?.arch ?? "arm64";
  const preset = defaults[wants.gpu ? (`${arch}-gpu` as const) : arch];
  const names = entry.types ?? (entry.fixed > 0 ? preset.slice(0, 1) : preset);
  const types = knownTypes(names, entry, path, reader);
  const region = entry.region ?? wants.home;
  const market = entry.market ?? (entry.fixed > 0 ? "on-demand" : "spot");
  const diskGb = entry.disk ?? defaultDisk(types);
  checkFits({ entry, types, diskGb, market }, path, wants, reader);
  const first = types[0];
  if (reader.wrong.length > before || !first) return null;
  const gpu = first.gpus > 0;
  const priced = types.map((type) =>
    machineTypeOf(type, { region, market, price: entry.price, currency: wants.currency }, path, reader),
  );
  if (entry.instanceProfile !== undefined)
    reader.warn(
      [...path, "instanceProfile"],
      "every job of these machines has the rights of this profile; GitHub's OIDC gives them to one workflow instead",
    );
  return {
    kind: "aws",
    region,
    market,
    types: priced,
    arch: first.arch,
    gpu,
    diskGb,
    diskThroughput: entry.throughput,
    diskIops: iopsFor(entry.throughput),
    image: imageOf(entry.image) ?? defaultImage({ arch: first.arch, gpu }),
    fixed: entry.fixed,
    securityGroupIds: entry.securityGroupIds,
    instanceProfile: entry.instanceProfile ?? null,
    instanceProfileRole: entry.instanceProfileRole ?? null,
  };
};

const imageOf = (given: string | undefined): AwsBackendSettings["image"] | null => {
  if (given === undefined) return null;
  return given.startsWith("ami-") ? { kind: "ami", id: given } : { kind: "ssm", parameter: given };
};

/** `spot-eu-central-1`, and `-2` behind it where there are two. */
export const named = <T extends Pick<AwsBackendSettings, "market" | "region">>(
  entries: readonly T[],
): (T & { name: string })[] => {
  const seen = new Map<string, number>();
  return entries.map((entry) => {
    const base = `${entry.market}-${entry.region}`;
    const count = (seen.get(base) ?? 0) + 1;
    seen.set(base, count);
    return { ...entry, name: count === 1 ? base : `${base}-${count}` };
  });
};
