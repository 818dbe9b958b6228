/**
 * vCPU quotas against what the settings may want. A quota counts the whole account's machines of a region; what others use
 * is not looked at. New accounts have 0 for GPUs.
 */
import { blocker, type Finding, ok, warning } from "../finding.ts";
import { atAws, type AwsStackSettings } from "./facts.ts";
import { AwsRefused } from "./ports.ts";
import { askForMore, type Quota, quotaOf } from "./quota-codes.ts";

/** One quota of one region, and who counts in it. */
export interface Need {
  region: string;
  quota: Quota;
  /** vCPUs with every pool at its `max`. */
  most: number;
  /** Pool -> vCPUs of the smallest machine that it may start there, and whether it may start machines elsewhere. */
  pools: { name: string; least: number; most: number }[];
}

const isManager = "the manager";

/** What all entries may want, a line for each quota. */
export const needs = ({ pools, manager, aws }: AwsStackSettings): Need[] => {
  const found = new Map<string, Need>();
  const add = (region: string, quota: Quota, name: string, least: number, most: number) => {
    const key = `${region} ${quota.code}`;
    const need = found.get(key) ?? { region, quota, most: 0, pools: [] };
    found.set(key, need);
    const known = need.pools.find((one) => one.name === name);
    if (!known) need.pools.push({ name, least, most });
    else {
      known.least = Math.min(known.least, least);
      // Two entries of a pool share its `max`.
      known.most = Math.max(known.most, most);
    }
    need.most = need.pools.reduce((sum, one) => sum + one.most, 0);
  };
  const own = quotaOf(manager.type.name, "on-demand");
  if (own) add(aws.regions[0].name, own, isManager, manager.type.cores, manager.type.cores);
  for (const [name, { max, entries }] of Object.entries(pools))
    for (const { region, market, types, fixed } of entries)
      for (const type of types) {
        const quota = quotaOf(type.name, market);
        if (quota) add(region, quota, name, type.cores, type.cores * (fixed > 0 ? fixed : max));
      }
  return [...found.values()];
};

/** Pools that no quota lets start one machine. @param limits `REGION CODE` -> vCPUs; null where it is not known */
export const stuckPools = (
  { pools }: AwsStackSettings,
  limits: ReadonlyMap<string, number | null>,
): Set<string> => {
  const may = ([, { entries }]: [string, AwsStackSettings["pools"][string]]) =>
    entries.some(({ region, market, types }) =>
      types.some(({ name, cores }) => {
        const quota = quotaOf(name, market);
        const limit = quota && limits.get(`${region} ${quota.code}`);
        return limit === null || limit === undefined || limit >= cores;
      }),
    );
  return new Set(
    Object.entries(pools)
      .filter((pool) => pool[1].max > 0 && !may(pool))
      .map(([name]) => name),
  );
};

const finding = (need: Need, limit: number, stuck: ReadonlySet<string>): Finding => {
  const { region, quota, most, pools } = need;
  const cure = askForMore(region, quota.code, most);
  const what = `"${quota.name}" in ${region}`;
  const none = pools.filter(({ least }) => least > limit);
  const who = (some: typeof pools) => some.map(({ name }) => name).join(", ");
  if (none.length > 0) {
    const blocked = none.filter(({ name }) => stuck.has(name) || name === isManager);
    const said = `the quota ${what} is ${limit} vCPUs: not one machine of ${who(none)} can start by it`;
    return blocked.length > 0
      ? blocker("quotas", said, cure)
      : warning("quotas", `${said}; other entries of the pool have to do`, cure);
  }
  const wanted = `${most} vCPUs with ${who(pools)} at the most`;
  if (limit < most)
    return warning("quotas", `the quota ${what} is ${limit} vCPUs and the stack may want ${wanted}`, cure);
  return ok("quotas", `${what}: ${limit} vCPUs, ${wanted}`);
};

export const quotasCheck = atAws(async (aws) => {
  const [settings, ports] = [await aws.settings(), await aws.ports()];
  const wanted = needs(settings);
  const asked = await Promise.all(
    wanted.map(async ({ region, quota }) => {
      const key = `${region} ${quota.code}`;
      try {
        return { key, limit: await ports.quota(region, quota.code), problem: null };
      } catch (error) {
        if (error instanceof AwsRefused) return { key, limit: null, problem: error.message };
        throw error;
      }
    }),
  );
  const stuck = stuckPools(settings, new Map(asked.map(({ key, limit }) => [key, limit])));
  return wanted.map((need, index) => {
    const { limit, problem } = asked[index]!;
    if (limit !== null) return finding(need, limit, stuck);
    const { region, quota, most } = need;
    return warning(
      "quotas",
      `the quota "${quota.name}" in ${region} is not to be seen (${problem ?? "Service Quotas does not know it there"}); the stack may want ${most} vCPUs of it`,
      `the right is servicequotas:GetServiceQuota; or look yourself: aws service-quotas get-service-quota --region ${region} --service-code ec2 --quota-code ${quota.code}`,
    );
  });
});
