/** How the addresses of a region's network are dealt out; pure. */

export type SubnetKind = "private" | "public";

/** The part of a zone that its region does not say: `eu-central-1a` -> `a`. */
export const zoneSuffix = (region: string, zone: string): string =>
  zone.startsWith(region) ? zone.slice(region.length).replace(/^-/, "") : zone;

/**
 * Every zone has its share of the region's /16 by its letter, not by its place in the settings: a zone that comes or
 * goes moves no other zone's subnet. Private and public ones have halves of their own, so that a stack may change
 * between them.
 * @param cidr of the region, a /16
 * @param zone ends with its letter, `a` to `h`
 * @returns a /20: 4,091 machines
 * @throws Error for another network or zone
 */
export const subnetCidr = (cidr: string, zone: string, kind: SubnetKind): string => {
  const network = /^(\d+\.\d+)\.0\.0\/16$/.exec(cidr)?.[1];
  const letter = "abcdefgh".indexOf(zone.at(-1) ?? " ");
  if (!network || letter < 0)
    throw new Error(
      `no subnet for zone ${zone} in ${cidr}: allowed are zones a to h in a network like 10.64.0.0/16`,
    );
  return `${network}.${letter * 32 + (kind === "public" ? 16 : 0)}.0/20`;
};
