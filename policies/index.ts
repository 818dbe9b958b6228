/** The policies of the house, in the order in which people read them. */
import { privateBuckets, tlsOnly } from "./buckets.ts";
import { buckets, ownKey, parameters, volumes } from "./encryption.ts";
import { metadata, noInstanceProfile } from "./machines.ts";
import type { Policy, Resource, Violation } from "./policy.ts";
import { explicitProviders } from "./providers.ts";
import { nobodyUnnamed, nothingOpen } from "./reach.ts";
import { outputsOpen, secretsMarked } from "./secrets.ts";
import { tagged } from "./tags.ts";

export const policies: readonly Policy[] = [
  nothingOpen,
  nobodyUnnamed,
  noInstanceProfile,
  metadata,
  volumes,
  buckets,
  parameters,
  ownKey,
  privateBuckets,
  tlsOnly,
  tagged,
  secretsMarked,
  outputsOpen,
  explicitProviders,
];

export interface Verdict extends Violation {
  policy: string;
}

/** Everything that is wrong with a stack. */
export const violations = (resources: readonly Resource[]): Verdict[] =>
  policies.flatMap(({ name, check }) => check(resources).map((found) => ({ policy: name, ...found })));
