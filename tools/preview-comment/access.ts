/** Changes that decide who may reach a stack, and what it may do. */
import type { Change } from "./events.ts";

const reach: readonly RegExp[] = [
  /^aws:vpc\/securityGroup(Ingress|Egress)Rule:/,
  /^aws:ec2\/(default)?securityGroup(Rule)?:/i,
  /^aws:ec2\/(networkAcl|route|vpcPeeringConnection|peeringConnectionOptions|vpcEndpoint|internetGateway)/,
  /^aws:s3\/bucket(PublicAccessBlock|OwnershipControls|Acl)/,
];
const rights: readonly RegExp[] = [/^aws:iam\//, /^aws:s3\/bucketPolicy:/, /^aws:(sns\/topicPolicy|kms\/)/];

/** Tags alone let nobody in. */
const tagsOnly = ({ kind, because }: Change) =>
  kind === "update" && because.length > 0 && because.every((input) => /^tags(All)?\b/.test(input));

const among = (changes: readonly Change[], types: readonly RegExp[]): Change[] =>
  changes.filter((change) => !tagsOnly(change) && types.some((one) => one.test(change.type)));

/** Rules, routes, what keeps buckets closed. */
export const reachOf = (changes: readonly Change[]): Change[] => among(changes, reach);

/** Roles and policies: one that names what there is, such as a pool's template, changes with it. */
export const rightsOf = (changes: readonly Change[]): Change[] => among(changes, rights);
