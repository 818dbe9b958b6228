/**
 * Which vCPU quota a type counts in, as Service Quotas of EC2 groups them (docs.aws.amazon.com/ec2/latest/instancetypes/
 * ec2-instance-quotas.html): each group has one quota a region for on demand and one for spot.
 */
const groups: readonly [RegExp, string][] = [
  [/^(trn)/, "trn"],
  [/^(inf)/, "inf"],
  [/^(hpc)/, "hpc"],
  [/^(mac)/, "mac"],
  [/^(u-|u\d)/, "high-memory"],
  [/^(dl)/, "dl"],
  [/^(g|gr|vt)\d/, "g"],
  [/^p\d/, "p"],
  [/^f\d/, "f"],
  [/^x\d/, "x"],
];

/** `standard` for the families A, C, D, H, I, M, R, T and Z. */
export const quotaGroup = (type: string): string =>
  groups.find(([pattern]) => pattern.test(type))?.[1] ?? "standard";
