/** Types that cannot serve what their pool promises, or what the specification asks of a machine. */
import { type CatalogType, catalogType, guessType, type Market, minimum, typeNames } from "../catalog.ts";
import { nearest } from "../nearest.ts";
import type { Path, Reader } from "../reader.ts";
import { promised } from "./arch-labels.ts";
import type { Wants } from "./entries.ts";
import type { Entry } from "./entry-schema.ts";

const g4ad =
  "its AMD GPU (Navi 12) is not on ROCm's list, so no job could compute on it; allowed are g5g, g4dn and g6";

/** Those that can be used; the others are refused. */
export const knownTypes = (
  names: readonly string[],
  entry: Pick<Entry, "price">,
  path: Path,
  reader: Reader,
): CatalogType[] =>
  names.flatMap((name, index) => {
    const here = [...path, "types", index];
    const refuse = (allowed: string) => {
      reader.refuse(here, name, allowed);
      return [];
    };
    if (names.indexOf(name) < index) return refuse("each type may be given once");
    if (name.startsWith("g4ad.")) return refuse(g4ad);
    const known = catalogType(name);
    if (known) return [known];
    const near = nearest(name, typeNames);
    const mean = near === null ? "" : `; did you mean ${near}?`;
    const guessed = guessType(name);
    if (!guessed) return refuse(`not a machine type of AWS${mean || ", which look like c8g.2xlarge"}`);
    if (entry.price === undefined)
      reader.warn(here, `${name} is not a type that muster knows; what it has is taken from its name${mean}`);
    return [guessed];
  });

export interface Fit {
  entry: Pick<
    Entry,
    "small" | "fixed" | "types" | "market" | "disk" | "instanceProfile" | "instanceProfileRole"
  >;
  types: readonly CatalogType[];
  diskGb: number;
  market: Market;
}

const has = ({ cores, memoryMb }: CatalogType) => `${cores} cores and ${memoryMb / 1_024} GB`;

export const checkFits = (
  { entry, types, diskGb, market }: Fit,
  path: Path,
  wants: Wants,
  reader: Reader,
) => {
  const [first] = types;
  const promise = promised(wants.labels);
  for (const type of types) {
    const at = [...path, "types", entry.types?.indexOf(type.name) ?? 0];
    const refuse = (allowed: string) => reader.refuse(at, type.name, allowed);
    if (promise && type.arch !== promise.arch)
      refuse(
        `an ${type.arch} machine, but the pool's label ${promise.label} promises ${promise.arch} to jobs; ` +
          `allowed are ${promise.arch} types, or other labels`,
      );
    else if (first && type.arch !== first.arch)
      refuse(
        `an ${type.arch} machine, and ${first.name} is ${first.arch}; one entry has one architecture, and so has one pool`,
      );
    if (wants.gpu && type.gpus === 0)
      refuse("it has no GPU, and the pool says gpu; allowed are g5g (arm64), g4dn and g6 (x64)");
    else if (first && type.gpus > 0 !== first.gpus > 0)
      refuse(`machines with and without a GPU do not mix in one pool: ${first.name} is the other kind`);
    if (type.networkMbit !== null && type.networkMbit < minimum.networkMbit)
      refuse(
        `its network gives ${type.networkMbit} Mbit/s for long; allowed is at least ${minimum.networkMbit} Mbit/s`,
      );
    else if (!entry.small && (type.cores < minimum.cores || type.memoryMb < minimum.memoryGb * 1_024))
      refuse(
        `it has ${has(type)}; allowed are at least ${minimum.cores} cores and ${minimum.memoryGb} GB, or say small: true`,
      );
  }
  if (!entry.small && diskGb < minimum.diskGb)
    reader.refuse(
      [...path, "disk"],
      entry.disk,
      `allowed are at least ${minimum.diskGb} GB, or less with small: true`,
    );
  checkRole(entry, path, reader);
  if (entry.fixed === 0) return;
  if (market === "spot")
    reader.refuse(
      [...path, "market"],
      entry.market,
      "a machine that always exists cannot be spot, which AWS takes back; allowed is on-demand",
    );
  if (entry.types && entry.types.length > 1)
    reader.refuse(
      [...path, "types"],
      entry.types,
      "fixed machines are of one type; allowed is a list of one",
    );
};

/** A profile need not be called as its role, and a right to pass roles is for roles. */
const checkRole = (
  { instanceProfile, instanceProfileRole, fixed }: Fit["entry"],
  path: Path,
  reader: Reader,
): void => {
  const here = [...path, "instanceProfileRole"];
  if (instanceProfile === undefined && instanceProfileRole !== undefined)
    reader.refuse(
      here,
      instanceProfileRole,
      "there is no instanceProfile; leave it out, or name the profile",
    );
  if (instanceProfile === undefined || instanceProfileRole !== undefined || fixed > 0) return;
  const name = instanceProfile.split("/").at(-1)!;
  reader.refuse(
    here,
    undefined,
    "the manager may pass one role alone; allowed is the ARN of the profile's, which " +
      `aws iam get-instance-profile --instance-profile-name ${name} --query 'InstanceProfile.Roles[0].Arn' shows`,
  );
};
