/** Which circuits an entry of a pool hangs on, and the failures that open them. */
import type { AwsBackend } from "../../../manager-config.ts";
import type { Failure } from "../../facts.ts";
import type { Scope } from "../../world.ts";
import { CallFailed } from "./calls.ts";
import { quotaGroup } from "./families.ts";
import { type About, plainly, rowOf } from "./reasons.ts";

export const awsBackendName = "aws";
export type Market = AwsBackend["market"];

/** Where a failure belongs, as far as it is known. */
export interface Place {
  region: string;
  market?: Market;
  offer?: string;
  types?: readonly string[];
}

export const offerKey = (pool: string, name: string): string => `${awsBackendName}:${pool}:${name}`;

const account: Scope = { on: "backend", key: awsBackendName };
const regionScope = (region: string): Scope => ({ on: "backend", key: `${awsBackendName}:${region}` });
const marketScope = (market: Market): Scope => ({ on: "backend", key: `${awsBackendName}:${market}` });
const quotaScope = (region: string, market: Market, type: string): Scope => ({
  on: "quota",
  key: `${awsBackendName}:${region}:${market}:${quotaGroup(type)}`,
});

/** Besides the offer's own and the account's. */
export const scopesOf = ({ region, market, types }: AwsBackend): Scope[] => {
  const quotas = types.map(({ name }) => quotaScope(region, market, name));
  return [
    regionScope(region),
    marketScope(market),
    ...new Map(quotas.map((scope) => [scope.key, scope])).values(),
  ];
};

/** What a failure about this closes; at least a region where less is known. */
export function scopesAbout(about: About, { region, market, offer, types = [] }: Place): Scope[] {
  if (about === "account") return [account];
  if (about === "market" && market !== undefined) return [marketScope(market)];
  if (about === "quota" && market !== undefined && types.length > 0)
    return types.map((type) => quotaScope(region, market, type));
  if ((about === "offer" || about === "quota") && offer !== undefined) return [{ on: "offer", key: offer }];
  return [regionScope(region)];
}

/** One sentence for people: what EC2 said, and what to do. */
export const sentence = (code: string, message: string, cure?: string): string =>
  [`${code}: ${plainly(message)}`.slice(0, 600), ...(cure === undefined ? [] : [cure])].join(" - ");

/** What an error of any call means. */
export function classifyAws(error: unknown, place: Partial<Place> = {}): Failure {
  if (!(error instanceof CallFailed)) {
    const detail = error instanceof Error ? error.message : String(error);
    const scope: Scope = place.offer === undefined ? account : { on: "offer", key: place.offer };
    return { reason: "unknown", scope, detail, retryAfterMs: null };
  }
  const { reason, about, cure } = rowOf(error.code, error.status);
  const [scope] = scopesAbout(about, { ...place, region: error.region });
  const detail = `${error.action} in ${error.region}: ${sentence(error.code, error.said, cure)}`;
  return { reason, scope: scope!, detail, retryAfterMs: null };
}
