/**
 * Which vCPU quota a type counts in, as Service Quotas of EC2 groups them: each group has one quota a region for on demand
 * (docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html) and one for spot, but HPC and High Memory, which
 * have none there: "All DL", "All F", "All G and VT", "All Inf", "All P", "All Standard (A, C, D, H, I, M, R, T, Z)", "All Trn",
 * "All X Spot Instance Requests" (docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-limits.html). Mac machines stand
 * on dedicated hosts, which are counted by number.
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
