/**
 * Whether whoever runs the doctor may do what docs/aws-rights.json lists, judged by IAM's own simulator. It judges the
 * policies of the user or role, its boundary and the organisation's, by names that the stack would use; policies of buckets and
 * keys, and of a session, it does not see.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { type Finding, ok, warning } from "../finding.ts";
import { rights } from "./account.ts";
import { atAws } from "./facts.ts";
import { type AwsPorts, AwsRefused, type Identity, type Judged, type Simulation } from "./ports.ts";

const listOf = z.union([z.string().transform((one) => [one]), z.array(z.string())]);
const document = z.object({
  Statement: z.array(
    z.object({
      Action: listOf,
      Resource: listOf,
      Condition: z.optional(z.object({ StringEquals: z.record(z.string(), z.string()) })),
    }),
  ),
});

/** IAM judges no patterns: what stands for each of the page's, of what the program calls. */
export const meant: Readonly<Record<string, readonly string[]>> = {
  "ec2:Describe*": [
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribeLaunchTemplateVersions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVolumes",
    "ec2:DescribeVpcs",
  ],
  "s3:GetBucket*": [
    "s3:GetBucketLocation",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
  ],
  "s3:PutBucket*": [
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
  ],
};

export interface RightsPlace {
  account: string;
  region: string;
  /** Stands before every name at AWS. */
  namePrefix: string;
}

/** A resource of that pattern as the stack would have it. */
const example = (pattern: string, { account, region, namePrefix }: RightsPlace): string => {
  if (pattern === "*") return pattern;
  const [arn, partition, service, at, owner, ...rest] = pattern.split(":");
  const named = rest.join(":").replace("muster-*", `${namePrefix}-*`).replaceAll("*", "x");
  return [
    arn,
    region.startsWith("cn-") ? "aws-cn" : region.startsWith("us-gov-") ? "aws-us-gov" : partition,
    service,
    at === "*" ? region : at,
    owner === "*" ? account : owner,
    named,
  ].join(":");
};

/** What is asked of IAM, one question for each resource of each statement. @throws ZodError, SyntaxError */
export const rightsQuestions = (text: string, place: RightsPlace): Omit<Simulation, "source">[] =>
  document.parse(JSON.parse(text)).Statement.flatMap(({ Action, Resource, Condition }) =>
    Resource.map((pattern) => ({
      actions: Action.flatMap((action) => meant[action] ?? [action]),
      resources: [example(pattern, place)],
      context: { "aws:RequestedRegion": place.region, ...Condition?.StringEquals },
    })),
  );

/** What is denied: an action that one of its statement's resources allows is of that kind of resource alone. */
export const lacking = (judged: readonly Judged[]): { denied: string[]; unsure: string[] } => {
  const allowed = new Set(judged.filter((one) => one.allowed).map(({ action }) => action));
  const rest = judged.filter(({ action }) => !allowed.has(action));
  const unsure = new Set(rest.filter(({ missing }) => missing.length > 0).map(({ action }) => action));
  const denied = new Set(rest.filter(({ action }) => !unsure.has(action)).map(({ action }) => action));
  return { denied: [...denied].sort(), unsure: [...unsure].sort() };
};

/**
 * The user or role whose policies count; null where IAM has no such thing to judge.
 * A session of a role is `arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION`, without the role's path.
 */
export const principalOf = async (
  { arn, account }: Identity,
  ports: Pick<AwsPorts, "roleArn">,
): Promise<string | null> => {
  const role = /:assumed-role\/([^/]+)\//.exec(arn)?.[1];
  if (role === undefined) return /:user\//.test(arn) ? arn : null;
  const found = await ports.roleArn(role).catch((error: unknown) => {
    if (error instanceof AwsRefused) return null;
    throw error;
  });
  return found ?? `${arn.split(":").slice(0, 2).join(":")}:iam::${account}:role/${role}`;
};

const page = "docs/aws-rights.json";
const shown = 12;
const list = (actions: readonly string[]) =>
  actions.slice(0, shown).join(", ") + (actions.length > shown ? ` and ${actions.length - shown} more` : "");

const rightsFindings = (judged: readonly Judged[], source: string): Finding[] => {
  const { denied, unsure } = lacking(judged);
  const total = new Set(judged.map(({ action }) => action)).size;
  if (denied.length > 0)
    return [
      warning(
        "aws-rights",
        `IAM's simulator denies ${source} ${denied.length} of ${total} actions of ${page}: ${list(denied)}`,
        `${rights}; where others made the networks or roles some may not be needed`,
      ),
    ];
  if (unsure.length > 0)
    return [
      warning(
        "aws-rights",
        `IAM's simulator denies no action of ${page} for certain, but these hang on conditions that it was not told: ${list(unsure)}`,
        "npm run pulumi -- up tells",
      ),
    ];
  return [ok("aws-rights", `IAM's simulator allows all ${total} actions of ${page}`)];
};

export const rightsCheck = atAws(async (aws, { deps }) => {
  const [{ aws: settings }, ports] = [await aws.settings(), await aws.ports()];
  const identity = await aws.identity();
  if (/:root$/.test(identity.arn))
    return [
      warning(
        "aws-rights",
        "these are the credentials of the account's root user, who may do everything",
        `make a user or role with ${page} for Pulumi, and lock the root user's keys away`,
      ),
    ];
  const source = await principalOf(identity, ports);
  if (source === null)
    return [
      warning(
        "aws-rights",
        `cannot be told: IAM judges users and roles, and these credentials are of ${identity.arn}`,
        `compare its policy with ${page}`,
      ),
    ];
  const text = await readFile(join(deps.root, page), "utf8");
  const { account } = identity;
  const place = { account, region: aws.home, namePrefix: settings.namePrefix };
  try {
    const judged: Judged[] = [];
    // One after the other: IAM allows an account few calls a second.
    for (const question of rightsQuestions(text, place))
      judged.push(...(await ports.simulate({ source, ...question })));
    return rightsFindings(judged, source);
  } catch (error) {
    if (!(error instanceof AwsRefused)) throw error;
    return [
      warning(
        "aws-rights",
        `cannot be told: IAM does not judge for these credentials (${error.message})`,
        `the right is iam:SimulatePrincipalPolicy; or compare the policies of ${source} with ${page}`,
      ),
    ];
  }
});
