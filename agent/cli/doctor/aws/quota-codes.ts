/**
 * Codes and names of EC2's vCPU quotas at Service Quotas, the same in every region and account; `aws service-quotas
 * list-service-quotas --service-code ec2` prints them. Which families count in which:
 * docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html (on demand) and
 * docs.aws.amazon.com/AWSEC2/latest/UserGuide/using-spot-limits.html (spot).
 */
import { quotaGroup } from "../../../manager/backends/aws/families.ts";
import type { AwsEntry } from "./facts.ts";

export interface Quota {
  code: string;
  name: string;
}
type Market = AwsEntry["market"];

const standard = "Standard (A, C, D, H, I, M, R, T, Z)";
const pair = (name: string, onDemand: string, spot: string | null): Record<Market, Quota | null> => ({
  "on-demand": { code: onDemand, name: `Running On-Demand ${name} instances` },
  spot: spot === null ? null : { code: spot, name: `All ${name} Spot Instance Requests` },
});

/** By group of families.ts. Null: there is no such quota, and no such spot machine. */
const codes: Readonly<Record<string, Record<Market, Quota | null>>> = {
  standard: pair(standard, "L-1216C47A", "L-34B43A08"),
  g: pair("G and VT", "L-DB2E81BA", "L-3819A6DF"),
  p: pair("P", "L-417A185B", "L-7212CCBC"),
  inf: pair("Inf", "L-1945791B", "L-B5D1601B"),
  trn: pair("Trn", "L-2C3B7624", "L-6B0D517C"),
  dl: pair("DL", "L-6E869C2A", "L-85EED4F7"),
  f: pair("F", "L-74FC7D96", "L-88CF9481"),
  x: pair("X", "L-7295265B", "L-E3A00192"),
  hpc: pair("HPC", "L-F7808C92", null),
  "high-memory": pair("High Memory", "L-43DA4232", null),
};

/** The quota that a machine type counts in; null where none is known. */
export const quotaOf = (type: string, market: Market): Quota | null =>
  codes[quotaGroup(type)]?.[market] ?? null;

/** Where people ask for more. */
export const consolePage = (region: string, code: string): string => {
  const path = `servicequotas/home/services/ec2/quotas/${code}`;
  if (region.startsWith("cn-")) return `https://${region}.console.amazonaws.cn/${path}`;
  if (region.startsWith("us-gov-")) return `https://${region}.console.amazonaws-us-gov.com/${path}`;
  return `https://${region}.console.aws.amazon.com/${path}`;
};

/** @param wanted vCPUs */
export const askForMore = (region: string, code: string, wanted: number): string =>
  `aws service-quotas request-service-quota-increase --region ${region} --service-code ec2 --quota-code ${code} --desired-value ${wanted} (or, with a reason: ${consolePage(region, code)})`;
