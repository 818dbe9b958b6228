/** Whatever can have tags names its stack: sweep, rights and the bill go by it. */
import { violation, within, type Policy, type Resource } from "./policy.ts";
import { isFields, isGiven, isUnknown, list, plain, type Fields } from "./values.ts";

/** As infra/aws/tags.ts has it. */
export const stackTag = "muster:stack";

/** Kinds of this program that AWS gives no tags, or that are part of another resource; all others need them. */
export const untaggable: ReadonlySet<string> = new Set([
  "aws:autoscaling/attachment:Attachment",
  "aws:cloudwatch/dashboard:Dashboard",
  "aws:cloudwatch/logMetricFilter:LogMetricFilter",
  "aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
  "aws:ec2/mainRouteTableAssociation:MainRouteTableAssociation",
  "aws:ec2/route:Route",
  "aws:ec2/routeTableAssociation:RouteTableAssociation",
  "aws:ec2/eipAssociation:EipAssociation",
  "aws:ec2/volumeAttachment:VolumeAttachment",
  "aws:ec2/networkInterfaceAttachment:NetworkInterfaceAttachment",
  "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation",
  "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions",
  "aws:iam/rolePolicy:RolePolicy",
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
  "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
  "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
  "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
  "aws:s3/bucketPolicy:BucketPolicy",
  "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
  "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
  "aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
  "aws:s3/bucketVersioning:BucketVersioning",
  "aws:s3/bucketVersioningV2:BucketVersioningV2",
  "aws:sns/topicPolicy:TopicPolicy",
  "aws:sns/topicSubscription:TopicSubscription",
]);

/** Inputs of providers are written as JSON text. */
const parsed = (value: unknown): unknown => {
  const bare = plain(value);
  if (typeof bare !== "string" || isUnknown(bare)) return bare;
  try {
    return JSON.parse(bare) as unknown;
  } catch {
    return bare;
  }
};

const tagsOf = (value: unknown): Fields => {
  const bare = parsed(value);
  return isFields(bare) ? bare : {};
};

const defaults = (provider: Resource | undefined): Fields => {
  const [given] = list(parsed(provider?.inputs["defaultTags"]));
  return tagsOf(given?.["tags"]);
};

const isTagged = (resource: Resource, provider: Resource | undefined): boolean => {
  const { inputs, outputs } = resource;
  if (isUnknown(plain(inputs["tags"])) || isUnknown(plain(inputs["tagsAll"]))) return true;
  const all = [inputs["tags"], inputs["tagsAll"], outputs["tagsAll"]].map(tagsOf);
  return [...all, defaults(provider)].some((tags) => isGiven(tags[stackTag]));
};

/** What EC2 makes of a template has the template's tags alone. */
const launched = ["instance", "volume", "network-interface"];

const unmarkedLaunches = (template: Resource): string[] => {
  // The manager's machine and its interface are resources of the program, with tags of their own; its root volume is not.
  const made = within(template, "muster:aws:Manager") ? ["volume"] : launched;
  const marked = list(template.inputs["tagSpecifications"])
    .filter(({ tags }) => isUnknown(plain(tags)) || isGiven(tagsOf(tags)[stackTag]))
    .map(({ resourceType }) => String(plain(resourceType)));
  return made.filter((kind) => !marked.includes(kind));
};

export const tagged: Policy = {
  name: "tagged-with-the-stack",
  what: `Whatever can have tags has ${stackTag}, and so does what a launch template makes.`,
  why: "What carries no name of its stack is found by no sweep, belongs to nobody on the bill, and stays.",
  scope: "resource",
  check: (resources) => {
    const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
    return resources.flatMap((resource) => {
      const { type, provider } = resource;
      if (!type.startsWith("aws:") || untaggable.has(type)) return [];
      if (!isTagged(resource, byUrn.get(provider ?? "")))
        return [
          violation(
            resource,
            `lacks the tag ${stackTag}`,
            "make it with the region's provider, whose defaultTags have it",
          ),
        ];
      if (type !== "aws:ec2/launchTemplate:LaunchTemplate") return [];
      const missing = unmarkedLaunches(resource);
      if (missing.length === 0) return [];
      const problem = `makes ${missing.join(" and ")} without the tag ${stackTag}`;
      return [violation(resource, problem, "name it in tagSpecifications: defaultTags do not reach there")];
    });
  },
};
